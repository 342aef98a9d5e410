import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, type Source, unwrap } from '../app/api';
import { keys } from '../app/queries';
import { useMe } from '../app/session';
import {
  Badge,
  Button,
  ConfirmDialog,
  EmptyState,
  ErrorState,
  IconButton,
  LoadingState,
  Notice,
  Section,
  Time,
  toast,
} from '../ui';
import { Row, Rows } from './Rows';
import { SourceDialog } from './SourceDialog';
import styles from './SourcesSection.module.css';

/** While a source is learned, its state is read again. */
const POLL_INTERVAL_MS = 2_000;

/** The websites and folders that were learned. */
export function SourcesSection() {
  const client = useQueryClient();
  const isOwner = useMe().role === 'owner';
  const [isAdding, setAdding] = useState(false);
  const { data, error, refetch } = useQuery({
    queryKey: keys.sources,
    queryFn: async () => unwrap(await api.GET('/sources')).data,
    refetchInterval: ({ state }) =>
      state.data?.some((source) => source.status === 'running') ? POLL_INTERVAL_MS : false,
  });
  const refresh = () => client.invalidateQueries({ queryKey: keys.sources });
  return (
    <Section
      title="Pages and files"
      description="The assistant quotes them, with links."
      actions={
        isOwner && (
          <Button icon="plus" onPress={() => setAdding(true)}>
            Learn a website
          </Button>
        )
      }
    >
      {error && <ErrorState error={error} onRetry={() => void refetch()} />}
      {!data && !error && <LoadingState label="Loading the sources" />}
      {data?.length === 0 && (
        <EmptyState
          icon="globe"
          title="Nothing learned yet"
          text={
            <>
              Give the address of your website. Folders are learned with{' '}
              <code>parlor learn FOLDER</code>.
            </>
          }
        />
      )}
      {data && data.length > 0 && (
        <Rows label="Sources">
          {data.map((source) => (
            <SourceRow key={source.id} source={source} isOwner={isOwner} onChange={refresh} />
          ))}
        </Rows>
      )}
      {isAdding && (
        <SourceDialog
          onClose={() => setAdding(false)}
          onSaved={() => {
            setAdding(false);
            void refresh();
          }}
        />
      )}
    </Section>
  );
}

interface SourceRowProps {
  source: Source;
  isOwner: boolean;
  onChange: () => Promise<void>;
}

function SourceRow({ source, isOwner, onChange }: SourceRowProps) {
  const [isRemoving, setRemoving] = useState(false);
  const [isForgetting, setForgetting] = useState(false);
  const params = { path: { sourceId: source.id } };
  const learn = async (allowRemovals: boolean) => {
    const body = { allowRemovals };
    unwrap(await api.POST('/sources/{sourceId}/learn', { params, body }));
    await onChange();
  };
  const remove = async () => {
    unwrap(await api.DELETE('/sources/{sourceId}', { params }));
    await onChange();
  };
  return (
    <>
      <Row
        title={
          <>
            {source.location}
            {source.status === 'running' && <Badge kind="accent">Learning…</Badge>}
            {source.status === 'failed' && <Badge kind="danger">Failed</Badge>}
          </>
        }
        details={
          <>
            {documentCount(source)}
            {source.finishedAt && (
              <>
                {' · learned '}
                <Time value={source.finishedAt} />
              </>
            )}
            {source.skipped > 0 && ` · ${source.skipped} skipped`}
            {source.intervalSeconds !== null && ` · ${intervalText(source.intervalSeconds)}`}
          </>
        }
        actions={
          isOwner && (
            <>
              {source.kind === 'website' && (
                <IconButton
                  icon="refresh"
                  label={`Learn again: ${source.location}`}
                  isDisabled={source.status === 'running'}
                  onPress={() => void learn(false).catch(toast.error)}
                />
              )}
              <IconButton
                icon="trash"
                label={`Remove: ${source.location}`}
                onPress={() => setRemoving(true)}
              />
            </>
          )
        }
      >
        {source.error && <Notice kind="error">{source.error}</Notice>}
        {isOwner && source.status === 'failed' && source.kind === 'website' && (
          <Button onPress={() => setForgetting(true)}>Forget missing pages</Button>
        )}
        {source.problems.length > 0 && <SourceProblems source={source} />}
      </Row>
      <ConfirmDialog
        title="Remove this source?"
        isOpen={isRemoving}
        isDangerous
        action="Remove"
        onClose={() => setRemoving(false)}
        onConfirm={remove}
      >
        <p>The assistant forgets what it has learned from {source.location}.</p>
      </ConfirmDialog>
      <ConfirmDialog
        title="Forget missing pages?"
        isOpen={isForgetting}
        isDangerous
        action="Learn again"
        onClose={() => setForgetting(false)}
        onConfirm={() => learn(true)}
      >
        <p>
          The website is learned again. The assistant forgets all pages that it does not have any
          more, even if they are many.
        </p>
      </ConfirmDialog>
    </>
  );
}

/** What the last run skipped or warned about, closed at first. */
function SourceProblems({ source }: { source: Source }) {
  return (
    <details className={styles.problems}>
      <summary>
        {source.problems.length === 1 ? '1 remark' : `${source.problems.length} remarks`}
      </summary>
      <ul>
        {source.problems.map(({ item, reason }, index) => (
          <li key={index}>
            <span className={styles.item}>{item}</span>: {reason}
          </li>
        ))}
      </ul>
    </details>
  );
}

/** How often a source is learned, in the largest unit without a rest. */
function intervalText(seconds: number): string {
  const units = [
    [86_400, 'day'],
    [3_600, 'hour'],
    [60, 'minute'],
  ] as const;
  const [length, name] = units.find(([length]) => seconds % length === 0) ?? [1, 'second'];
  const count = seconds / length;
  return count === 1 ? `learned every ${name}` : `learned every ${count} ${name}s`;
}

function documentCount({ documents }: Source): string {
  if (documents === null) return 'not learned yet';
  return documents === 1 ? '1 page' : `${documents} pages`;
}
