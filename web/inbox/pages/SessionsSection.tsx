import { useQuery, useQueryClient } from '@tanstack/react-query';
import { type AgentSession, api, unwrap } from '../app/api';
import { keys } from '../app/queries';
import { Badge, Button, ErrorState, LoadingState, Section, Time, toast } from '../ui';
import { browserName } from './browser-name';
import { Row, Rows } from './Rows';

export function SessionsSection() {
  const { data, error, refetch } = useQuery({
    queryKey: keys.sessions,
    queryFn: async () => unwrap(await api.GET('/agents/me/sessions')).data,
  });
  return (
    <Section title="Where you are signed in">
      {error && <ErrorState error={error} onRetry={() => void refetch()} />}
      {!data && !error && <LoadingState label="Loading the sessions" />}
      {data && (
        <Rows label="Sessions">
          {data.map((session) => (
            <SessionRow key={session.id} session={session} />
          ))}
        </Rows>
      )}
    </Section>
  );
}

function SessionRow({ session }: { session: AgentSession }) {
  const client = useQueryClient();
  const end = () => {
    api
      .DELETE('/agents/me/sessions/{sessionId}', { params: { path: { sessionId: session.id } } })
      .then(unwrap)
      .then(() => client.invalidateQueries({ queryKey: keys.sessions }))
      .catch(toast.error);
  };
  return (
    <Row
      title={
        <>
          {browserName(session.userAgent)}
          {session.isCurrent && <Badge kind="success">This one</Badge>}
        </>
      }
      details={
        <>
          {session.address && `${session.address} · `}last used <Time value={session.lastUsedAt} />
        </>
      }
      actions={
        !session.isCurrent && (
          <Button size="small" onPress={end}>
            Sign out
          </Button>
        )
      }
    />
  );
}
