import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { useDeferredValue, useState } from 'react';
import { type ApiPaths, api, unwrap } from '../app/api';
import { keys } from '../app/queries';
import { useMe } from '../app/session';
import {
  Button,
  ConfirmDialog,
  EmptyState,
  ErrorState,
  IconButton,
  LoadingState,
  Section,
  TextField,
  toast,
} from '../ui';
import { nextOffset, PAGE_SIZE } from './paging';
import { QnaDialog } from './QnaDialog';
import { Row, Rows } from './Rows';

type QnaList =
  ApiPaths['/projects/{projectId}/qnas']['get']['responses'][200]['content']['application/json'];
export type Qna = QnaList['data'][number];

type Task = { kind: 'add' } | { kind: 'edit' | 'remove'; qna: Qna } | null;

async function fetchPage(projectId: string, text: string, offset: number): Promise<QnaList> {
  const query = { limit: PAGE_SIZE, offset, ...(text ? { query: text } : {}) };
  const params = { path: { projectId }, query };
  return unwrap(await api.GET('/projects/{projectId}/qnas', { params }));
}

/** Questions with the answers of the website. */
export function QnaSection() {
  const client = useQueryClient();
  const { project } = useMe();
  const [search, setSearch] = useState('');
  const [task, setTask] = useState<Task>(null);
  const text = useDeferredValue(search.trim());
  const list = useInfiniteQuery({
    queryKey: [...keys.qnas, text],
    queryFn: ({ pageParam }) => fetchPage(project.id, text, pageParam),
    initialPageParam: 0,
    getNextPageParam: nextOffset<QnaList>,
    placeholderData: (old) => old,
  });
  const qnas = list.data?.pages.flatMap((page) => page.data);
  const close = () => setTask(null);
  const refresh = () => client.invalidateQueries({ queryKey: keys.qnas });
  const remove = async (qna: Qna) => {
    const params = { path: { projectId: project.id, qnaId: qna.id } };
    unwrap(await api.DELETE('/projects/{projectId}/qnas/{qnaId}', { params }));
    await refresh();
    toast.success('The Q&A is deleted');
  };
  return (
    <Section
      title="Q&As"
      description="The assistant prefers these answers to what it finds on your pages."
      actions={
        <Button icon="plus" onPress={() => setTask({ kind: 'add' })}>
          Add a Q&A
        </Button>
      }
    >
      {(text || (qnas && qnas.length > 0)) && (
        <TextField
          label="Search the Q&As"
          isLabelHidden
          placeholder="Search"
          type="search"
          value={search}
          onChange={setSearch}
        />
      )}
      {list.error && <ErrorState error={list.error} onRetry={() => void list.refetch()} />}
      {!qnas && !list.error && <LoadingState label="Loading the Q&As" />}
      {qnas?.length === 0 && <NoQnas isSearch={text !== ''} />}
      {qnas && qnas.length > 0 && (
        <Rows label="Q&As">
          {qnas.map((qna) => (
            <QnaRow key={qna.id} qna={qna} onTask={setTask} />
          ))}
        </Rows>
      )}
      {list.hasNextPage && (
        <div>
          <Button isPending={list.isFetchingNextPage} onPress={() => void list.fetchNextPage()}>
            Show more
          </Button>
        </div>
      )}
      {(task?.kind === 'add' || task?.kind === 'edit') && (
        <QnaDialog
          qna={task.kind === 'edit' ? task.qna : null}
          question=""
          onClose={close}
          onSaved={() => {
            close();
            void refresh();
          }}
        />
      )}
      {task?.kind === 'remove' && (
        <ConfirmDialog
          title="Delete this Q&A?"
          isOpen
          isDangerous
          action="Delete"
          onClose={close}
          onConfirm={() => remove(task.qna)}
        >
          <p>{task.qna.question}</p>
        </ConfirmDialog>
      )}
    </Section>
  );
}

function NoQnas({ isSearch }: { isSearch: boolean }) {
  return isSearch ? (
    <EmptyState icon="search" title="No Q&A matches" />
  ) : (
    <EmptyState
      icon="book"
      title="No Q&As yet"
      text="Begin with the question that your visitors ask most."
    />
  );
}

function QnaRow({ qna, onTask }: { qna: Qna; onTask: (task: Task) => void }) {
  return (
    <Row
      title={qna.question}
      details={qna.answer}
      actions={
        <>
          <IconButton
            icon="edit"
            label={`Edit: ${qna.question}`}
            onPress={() => onTask({ kind: 'edit', qna })}
          />
          <IconButton
            icon="trash"
            label={`Delete: ${qna.question}`}
            onPress={() => onTask({ kind: 'remove', qna })}
          />
        </>
      }
    />
  );
}
