import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { type Agent, api, unwrap } from '../app/api';
import { keys } from '../app/queries';
import { useMe } from '../app/session';
import {
  Avatar,
  Badge,
  Button,
  ConfirmDialog,
  ErrorState,
  IconButton,
  LoadingState,
  Menu,
  MenuItem,
  MenuSeparator,
  MenuTrigger,
  Page,
  Section,
  toast,
} from '../ui';
import { AgentDialog } from './AgentDialog';
import { Row, Rows } from './Rows';
import { SignInLinkDialog } from './SignInLinkDialog';

/** What is open above the list of accounts. */
type Task =
  | { kind: 'add' }
  | { kind: 'edit' | 'remove'; agent: Agent }
  | { kind: 'link'; agent: Agent; url: string }
  | null;

export default function AgentsPage() {
  const client = useQueryClient();
  const isOwner = useMe().role === 'owner';
  const [task, setTask] = useState<Task>(null);
  const { data, error, refetch } = useQuery({
    queryKey: keys.agents,
    queryFn: async () => unwrap(await api.GET('/agents')).data,
  });
  const refresh = () => void client.invalidateQueries({ queryKey: keys.agents });
  const close = () => setTask(null);
  const makeLink = (agent: Agent) => {
    api
      .POST('/agents/{agentId}/link', { params: { path: { agentId: agent.id } } })
      .then(unwrap)
      .then(({ signInLink }) => setTask({ kind: 'link', agent, url: signInLink }))
      .catch(toast.error);
  };
  const remove = async (agent: Agent) => {
    unwrap(await api.DELETE('/agents/{agentId}', { params: { path: { agentId: agent.id } } }));
    refresh();
    toast.success(`${agent.name} can no longer sign in`);
  };
  return (
    <Page
      title="Agents"
      description="The people who answer your visitors. An owner may also change keys, agents and settings, and may erase and export data."
      actions={
        isOwner && (
          <Button variant="primary" icon="plus" onPress={() => setTask({ kind: 'add' })}>
            Add an agent
          </Button>
        )
      }
    >
      <Section>
        {error && <ErrorState error={error} onRetry={() => void refetch()} />}
        {!data && !error && <LoadingState label="Loading the agents" />}
        {data && (
          <Rows label="Agents">
            {data.map((agent) => (
              <AgentRow key={agent.id} agent={agent} onTask={setTask} onLink={makeLink} />
            ))}
          </Rows>
        )}
      </Section>
      {(task?.kind === 'add' || task?.kind === 'edit') && (
        <AgentDialog
          agent={task.kind === 'edit' ? task.agent : null}
          onClose={close}
          onSaved={(agent, url) => {
            refresh();
            setTask(url ? { kind: 'link', agent, url } : null);
          }}
        />
      )}
      {task?.kind === 'link' && (
        <SignInLinkDialog name={task.agent.name} url={task.url} onClose={close} />
      )}
      {task?.kind === 'remove' && (
        <ConfirmDialog
          title={`Remove ${task.agent.name}?`}
          isOpen
          isDangerous
          action="Remove"
          onClose={close}
          onConfirm={() => remove(task.agent)}
        >
          <p>The account and its sessions end at once. Conversations and replies stay.</p>
        </ConfirmDialog>
      )}
    </Page>
  );
}

interface AgentRowProps {
  agent: Agent;
  onTask: (task: Task) => void;
  onLink: (agent: Agent) => void;
}

function AgentRow({ agent, onTask, onLink }: AgentRowProps) {
  const me = useMe();
  const isMe = agent.id === me.id;
  const isOwner = me.role === 'owner';
  const presence = agent.isOnline ? (agent.isAway ? 'away' : 'online') : undefined;
  return (
    <Row
      start={
        <Avatar
          name={agent.name}
          url={agent.avatarUrl}
          size={36}
          {...(presence ? { presence } : {})}
        />
      }
      title={
        <>
          {agent.name}
          {isMe && <Badge>You</Badge>}
          {agent.role === 'owner' && <Badge kind="accent">Owner</Badge>}
          {!agent.hasPassword && <Badge kind="warning">No password</Badge>}
        </>
      }
      details={agent.email}
      actions={
        isOwner && (
          <MenuTrigger>
            <IconButton icon="more" label={`Actions for ${agent.name}`} />
            <Menu>
              <MenuItem icon="edit" onAction={() => onTask({ kind: 'edit', agent })}>
                Edit
              </MenuItem>
              <MenuItem icon="link" onAction={() => onLink(agent)}>
                Make a sign-in link
              </MenuItem>
              <MenuSeparator />
              <MenuItem icon="trash" isDangerous onAction={() => onTask({ kind: 'remove', agent })}>
                Remove
              </MenuItem>
            </Menu>
          </MenuTrigger>
        )
      }
    />
  );
}
