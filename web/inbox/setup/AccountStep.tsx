import { useState } from 'react';
import { api, unwrap } from '../app/api';
import { PASSWORD_RULE } from '../app/errors';
import { BASE_PATH } from '../app/router';
import { useSubmit } from '../app/useSubmit';
import { isUsedLink } from '../sign-in/SignInPage';
import { Button, CardPage, EmptyState, TextField } from '../ui';
import { Form } from '../ui/Form';

interface Account {
  token: string;
  name: string;
  email: string;
  password: string;
}

/** Makes the first account, which is an owner. */
export function AccountStep({ token, onDone }: { token: string; onDone: () => void }) {
  const [name, setName] = useState('');
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const [isUsed, setUsed] = useState(false);
  const { submit, isPending, errorOf, error } = useSubmit(
    ['name', 'email', 'password'],
    async (body: Account) => {
      try {
        unwrap(await api.POST('/setup', { body }));
        return true;
      } catch (failure) {
        if (!isUsedLink(failure)) throw failure;
        setUsed(true);
        return false;
      }
    },
    (isCreated) => isCreated && onDone(),
  );
  if (isUsed) {
    return (
      <EmptyState
        icon="link"
        title="This link was used or is too old"
        text="If the account exists, sign in. Otherwise make an account on the server: parlor agents add."
      >
        <Button variant="primary" onPress={() => location.assign(BASE_PATH)}>
          Sign in
        </Button>
      </EmptyState>
    );
  }
  return (
    <CardPage
      title="Welcome to parlor"
      text="Make your account first. In five minutes your website has a chat."
    >
      <Form error={error} onSubmit={() => submit({ token, name, email: email.trim(), password })}>
        <TextField
          label="Your name"
          description="Visitors see it when you answer."
          autoComplete="name"
          autoFocus
          value={name}
          onChange={setName}
          errorMessage={errorOf('name') && 'Enter the name that visitors see.'}
        />
        <TextField
          label="E-mail address"
          type="email"
          autoComplete="username"
          value={email}
          onChange={setEmail}
          errorMessage={errorOf('email') && 'Enter an e-mail address, such as mara@shop.example.'}
        />
        <TextField
          label="Password"
          type="password"
          autoComplete="new-password"
          description="At least 10 characters."
          value={password}
          onChange={setPassword}
          errorMessage={errorOf('password') && PASSWORD_RULE}
        />
        <Button variant="primary" type="submit" isPending={isPending}>
          Create the account
        </Button>
      </Form>
    </CardPage>
  );
}
