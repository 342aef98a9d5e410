import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, type Project, type ProjectChange, unwrap } from '../app/api';
import { keys } from '../app/queries';
import { useSubmit } from '../app/useSubmit';
import { Button, ErrorState, LoadingState, Page, Section, toast } from '../ui';
import { Form, FormButtons } from '../ui/Form';
import { AppearanceFields, type Config } from './AppearanceFields';
import styles from './AppearancePage.module.css';
import { changedSettings } from './changed-settings';
import { WidgetPreview } from './WidgetPreview';

export default function AppearancePage() {
  const { data, error, refetch } = useQuery({
    queryKey: keys.project,
    queryFn: async () => unwrap(await api.GET('/projects/current')),
  });
  return (
    <Page title="Appearance" description="How the chat looks on your pages, and what it says.">
      {error && <ErrorState error={error} onRetry={() => void refetch()} />}
      {!data && !error && <LoadingState label="Loading the settings" />}
      {data && <Appearance project={data} />}
    </Page>
  );
}

function Appearance({ project }: { project: Project }) {
  const client = useQueryClient();
  const saved = project.chatWidgetConfig;
  const [config, setConfig] = useState<Config>(saved);
  const change = changedSettings(saved, config);
  const isChanged = Object.keys(change).length > 0;
  const { submit, isPending, errorOf, error } = useSubmit(
    Object.keys(saved).map(errorName),
    async (body: ProjectChange) => unwrap(await api.PATCH('/projects/current', { body })),
    (next) => {
      client.setQueryData(keys.project, next);
      setConfig(next.chatWidgetConfig);
      toast.success('Saved. Pages show the change when they are loaded again.');
    },
  );
  return (
    <div className={styles.columns}>
      <Section>
        <Form error={error} onSubmit={() => submit({ chatWidgetConfig: change })}>
          <AppearanceFields
            config={config}
            onChange={(part) => setConfig({ ...config, ...part })}
            errorOf={(name) => errorOf(errorName(name))}
          />
          <FormButtons>
            <Button variant="primary" type="submit" isPending={isPending} isDisabled={!isChanged}>
              Save
            </Button>
            <Button isDisabled={!isChanged} onPress={() => setConfig(saved)}>
              Discard
            </Button>
          </FormButtons>
        </Form>
      </Section>
      <WidgetPreview project={{ ...project, chatWidgetConfig: config }} />
    </div>
  );
}

/** How an error of the API names a setting. */
function errorName(setting: string): string {
  return `chatWidgetConfig.${setting}`;
}
