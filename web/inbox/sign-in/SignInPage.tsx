import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, RequestError, unwrap } from '../app/api';
import { keys } from '../app/queries';
import { usePageTitle } from '../app/title';
import { useSubmit } from '../app/useSubmit';
import { Button, CardPage, Notice, TextField } from '../ui';
import { Form } from '../ui/Form';
import styles from './SignInPage.module.css';

export interface SignInPageProps {
  /** The session ended while the inbox was open. */
  wasSignedIn: boolean;
}

interface Credentials {
  email: string;
  password: string;
}

/** The account of the new session, without which the inbox shows the sign-in page. */
export function useReadAccount(): () => Promise<void> {
  const client = useQueryClient();
  return () => client.invalidateQueries({ queryKey: keys.me });
}

async function signIn(body: Credentials): Promise<void> {
  const result = await api.POST('/agents/sign-in', { body });
  if (result.response.status === 401) throw new WrongPassword();
  unwrap(result);
}

class WrongPassword extends Error {}

export function SignInPage({ wasSignedIn }: SignInPageProps) {
  usePageTitle('Sign in');
  const readAccount = useReadAccount();
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const [isWrong, setWrong] = useState(false);
  const { submit, isPending, errorOf, error } = useSubmit(
    ['email', 'password'],
    async (credentials: Credentials) => {
      setWrong(false);
      try {
        await signIn(credentials);
      } catch (failure) {
        if (!(failure instanceof WrongPassword)) throw failure;
        setWrong(true);
        return false;
      }
      return true;
    },
    (isSignedIn) => void (isSignedIn && readAccount()),
  );
  const isComplete = email.trim() !== '' && password !== '';
  return (
    <CardPage title="Sign in" text="to the inbox of your team">
      {wasSignedIn && !isWrong && (
        <Notice kind="info">You were signed out. Your drafts are still in this browser.</Notice>
      )}
      <Form
        error={isWrong ? 'E-mail address or password is wrong.' : error}
        onSubmit={() => isComplete && submit({ email: email.trim(), password })}
      >
        <TextField
          label="E-mail address"
          type="email"
          name="email"
          autoComplete="username"
          autoFocus
          value={email}
          onChange={setEmail}
          errorMessage={errorOf('email')}
        />
        <TextField
          label="Password"
          type="password"
          name="password"
          autoComplete="current-password"
          value={password}
          onChange={setPassword}
          errorMessage={errorOf('password')}
        />
        <Button variant="primary" type="submit" isPending={isPending}>
          Sign in
        </Button>
        <p className={styles.hint}>
          Forgot the password, or no account? An owner of the inbox can send you a sign-in link.
        </p>
      </Form>
    </CardPage>
  );
}

/** Whether the server refused the link. */
export function isUsedLink(error: unknown): boolean {
  return error instanceof RequestError && error.status === 401;
}
