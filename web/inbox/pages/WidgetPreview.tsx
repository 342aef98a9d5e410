import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import type { Widget, WidgetOptions } from '../../widget/loader/module';
import { api, type Project, unwrap } from '../app/api';
import { keys } from '../app/queries';
import { classes, Notice, Switch } from '../ui';
import styles from './WidgetPreview.module.css';

/** Time without a change before the preview is built again. */
const REBUILD_DELAY_MS = 300;

type Load = (options: Omit<WidgetOptions, 'server'>) => Widget;

async function importWidget(): Promise<Load> {
  const url = new URL('/widget.mjs', location.href).href;
  const module: { load: Load } = await import(/* @vite-ignore */ url);
  return module.load;
}

/** The chat with settings that are not saved. It answers as on a page of the website. */
export function WidgetPreview({ project }: { project: Project }) {
  const [isDark, setDark] = useState(false);
  const { data: key } = useQuery({
    queryKey: keys.apiKeys,
    queryFn: async () => unwrap(await api.GET('/keys')).data,
    select: (all) =>
      all.find((key) => key.revokedAt === null && key.publishableKey !== null)?.publishableKey ??
      null,
  });
  return (
    <aside className={styles.preview} aria-label="Preview">
      <div className={styles.bar}>
        <span>Preview: try it</span>
        <Switch isSelected={isDark} onChange={setDark}>
          Dark
        </Switch>
      </div>
      {key === null && <Notice kind="info">Create a key for a website to see the preview.</Notice>}
      {key && <Stage publishableKey={key} project={project} isDark={isDark} />}
    </aside>
  );
}

interface StageProps {
  publishableKey: string;
  project: Project;
  isDark: boolean;
}

function Stage({ publishableKey, project, isDark }: StageProps) {
  const stage = useRef<HTMLDivElement>(null);
  const json = JSON.stringify(project);
  useEffect(() => {
    const container = stage.current;
    let widget: Widget | null = null;
    let isCurrent = true;
    const build = async () => {
      const load = await importWidget();
      if (!isCurrent || !container) return;
      widget = load({
        key: publishableKey,
        project: JSON.parse(json),
        container,
        theme: isDark ? 'dark' : 'light',
      });
      await widget.open();
    };
    const timer = setTimeout(() => void build(), REBUILD_DELAY_MS);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
      widget?.destroy();
    };
  }, [publishableKey, json, isDark]);
  return <div ref={stage} className={classes(styles.stage, isDark && styles.dark)} />;
}
