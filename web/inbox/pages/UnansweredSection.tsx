import { type InfiniteData, useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, type UnansweredQuestion, unwrap } from '../app/api';
import { keys } from '../app/queries';
import { Link } from '../app/router';
import { conversationPath } from '../app/routes';
import { Badge, Button, EmptyState, ErrorState, LoadingState, Section, Time, toast } from '../ui';
import { nextOffset, PAGE_SIZE } from './paging';
import { QnaDialog } from './QnaDialog';
import { Row, Rows } from './Rows';

interface QuestionPage {
  data: UnansweredQuestion[];
  total: number;
}

async function fetchPage(offset: number): Promise<QuestionPage> {
  const query = { limit: PAGE_SIZE, offset };
  return unwrap(await api.GET('/unanswered-questions', { params: { query } }));
}

/** The questions for which the assistant found nothing. */
export function UnansweredSection() {
  const client = useQueryClient();
  const [answered, setAnswered] = useState<UnansweredQuestion | null>(null);
  const list = useInfiniteQuery({
    queryKey: keys.unansweredQuestions,
    queryFn: ({ pageParam }) => fetchPage(pageParam),
    initialPageParam: 0,
    getNextPageParam: nextOffset<QuestionPage>,
  });
  const questions = list.data?.pages.flatMap((page) => page.data);
  const total = list.data?.pages[0]?.total ?? 0;
  const resolve = async ({ id }: UnansweredQuestion) => {
    const params = { path: { messageId: id } };
    unwrap(await api.DELETE('/unanswered-questions/{messageId}', { params }));
    client.setQueryData(keys.unansweredQuestions, (old?: InfiniteData<QuestionPage>) =>
      old ? { ...old, pages: old.pages.map((page) => without(page, id)) } : old,
    );
  };
  return (
    <Section
      title="Unanswered questions"
      description="The assistant found nothing about these. Your answer becomes a Q&A."
      actions={total > 0 && <Badge kind="warning">{total}</Badge>}
    >
      {list.error && <ErrorState error={list.error} onRetry={() => void list.refetch()} />}
      {!questions && !list.error && <LoadingState label="Loading the questions" />}
      {questions?.length === 0 && (
        <EmptyState
          icon="check"
          title="No open questions"
          text="Questions appear here when the assistant finds no answer."
        />
      )}
      {questions && questions.length > 0 && (
        <Rows label="Unanswered questions">
          {questions.map((question) => (
            <QuestionRow
              key={question.id}
              question={question}
              onAnswer={() => setAnswered(question)}
              onDismiss={() => void resolve(question).catch(toast.error)}
            />
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
      {answered && (
        <QnaDialog
          qna={null}
          question={answered.question}
          onClose={() => setAnswered(null)}
          onSaved={() => {
            setAnswered(null);
            void client.invalidateQueries({ queryKey: keys.qnas });
            resolve(answered)
              .then(() => toast.success('The assistant knows the answer now'))
              .catch(toast.error);
          }}
        />
      )}
    </Section>
  );
}

function without(page: QuestionPage, id: string): QuestionPage {
  const data = page.data.filter((question) => question.id !== id);
  return { ...page, data, total: page.total - 1 };
}

interface QuestionRowProps {
  question: UnansweredQuestion;
  onAnswer: () => void;
  onDismiss: () => void;
}

function QuestionRow({ question, onAnswer, onDismiss }: QuestionRowProps) {
  return (
    <Row
      title={question.question}
      details={
        <>
          <Time value={question.createdAt} /> ·{' '}
          <Link href={conversationPath(question.conversationId)}>Open the conversation</Link>
        </>
      }
      actions={
        <>
          <Button size="small" variant="primary" onPress={onAnswer}>
            Answer this
          </Button>
          <Button size="small" variant="quiet" onPress={onDismiss}>
            Dismiss
          </Button>
        </>
      }
    />
  );
}
