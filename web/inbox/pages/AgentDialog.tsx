import { useState } from 'react';
import { type Agent, type AgentRole, api, unwrap } from '../app/api';
import { useSubmit } from '../app/useSubmit';
import { Button, Dialog, DialogActions, Select, TextField } from '../ui';
import { Form } from '../ui/Form';

const ROLES = [
  { id: 'agent', label: 'Agent: answers visitors' },
  { id: 'owner', label: 'Owner: everything' },
];

export interface AgentDialogProps {
  /** The account to change; null: a new one. */
  agent: Agent | null;
  onClose: () => void;
  /** A new account has a link for its first sign-in. */
  onSaved: (agent: Agent, signInLink: string | null) => void;
}

interface Input {
  name: string;
  email: string;
  role: AgentRole;
  avatarUrl: string | null;
}

async function save(agent: Agent | null, input: Input): Promise<[Agent, string | null]> {
  if (!agent) {
    const created = unwrap(await api.POST('/agents', { body: input }));
    return [created, created.signInLink];
  }
  const { email: _, ...body } = input;
  const params = { path: { agentId: agent.id } };
  return [unwrap(await api.PATCH('/agents/{agentId}', { params, body })), null];
}

export function AgentDialog({ agent, onClose, onSaved }: AgentDialogProps) {
  const [name, setName] = useState(agent?.name ?? '');
  const [email, setEmail] = useState(agent?.email ?? '');
  const [avatarUrl, setAvatarUrl] = useState(agent?.avatarUrl ?? '');
  const [role, setRole] = useState<AgentRole>(agent?.role ?? 'agent');
  const { submit, isPending, errorOf, error } = useSubmit(
    ['name', 'email', 'avatarUrl', 'role'],
    (input: Input) => save(agent, input),
    ([saved, link]) => onSaved(saved, link),
  );
  const input = {
    name: name.trim(),
    email: email.trim(),
    role,
    avatarUrl: avatarUrl.trim() || null,
  };
  return (
    <Dialog title={agent ? `Edit ${agent.name}` : 'Add an agent'} isOpen onClose={onClose}>
      <Form isInDialog onSubmit={() => submit(input)} error={error}>
        <TextField
          label="Name"
          description="Visitors see it in replies."
          value={name}
          onChange={setName}
          autoFocus
          isRequired
          errorMessage={errorOf('name')}
        />
        {!agent && (
          <TextField
            label="E-mail"
            type="email"
            description="The name for signing in."
            value={email}
            onChange={setEmail}
            isRequired
            errorMessage={errorOf('email')}
          />
        )}
        <TextField
          label="Picture (URL)"
          type="url"
          placeholder="https://"
          value={avatarUrl}
          onChange={setAvatarUrl}
          errorMessage={errorOf('avatarUrl')}
        />
        <Select
          label="Role"
          options={ROLES}
          selectedKey={role}
          onSelectionChange={(key) => setRole(key === 'owner' ? 'owner' : 'agent')}
        />
        <DialogActions>
          <Button onPress={onClose}>Cancel</Button>
          <Button variant="primary" type="submit" isPending={isPending}>
            {agent ? 'Save' : 'Add'}
          </Button>
        </DialogActions>
      </Form>
    </Dialog>
  );
}
