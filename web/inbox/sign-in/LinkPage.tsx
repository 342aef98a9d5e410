import { useEffect, useState } from 'react';
import { api, unwrap } from '../app/api';
import { PASSWORD_RULE } from '../app/errors';
import { usePageTitle } from '../app/title';
import { useSubmit } from '../app/useSubmit';
import { Button, CardPage, EmptyState, LoadingState, TextField } from '../ui';
import { Form } from '../ui/Form';
import { forgetToken, isDirectLink } from './link-token';
import { isUsedLink, useReadAccount } from './SignInPage';

/** Signs in with the token of a link. It can be used once, so that a click uses it. */
export function LinkPage({ token, onDone }: { token: string; onDone: () => void }) {
  usePageTitle('Sign in');
  const readAccount = useReadAccount();
  const [password, setPassword] = useState('');
  const [isUsed, setUsed] = useState(false);
  const [isDirect] = useState(isDirectLink);
  const leave = () => {
    forgetToken();
    onDone();
  };
  const { submit, isPending, errorOf, error } = useSubmit(
    ['password'],
    async () => {
      const body = { token, ...(password && { password }) };
      try {
        unwrap(await api.POST('/agents/sign-in-link', { body }));
      } catch (failure) {
        if (!isUsedLink(failure)) throw failure;
        setUsed(true);
        return false;
      }
      await readAccount();
      return true;
    },
    (isSignedIn) => isSignedIn && leave(),
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when the page opens
  useEffect(() => {
    if (isDirect) submit(undefined);
  }, []);
  if (isUsed) {
    return (
      <EmptyState
        icon="link"
        title="This link was used or is too old"
        text="Sign in with your password, or let an owner of the inbox make another link."
      >
        <Button variant="primary" onPress={leave}>
          Sign in
        </Button>
      </EmptyState>
    );
  }
  if (isDirect && error === null) return <LoadingState label="Opening the inbox" />;
  return (
    <CardPage title="Welcome to the inbox" text="You are signing in with a link.">
      <Form error={error} onSubmit={() => submit(undefined)}>
        <TextField
          label="New password (optional)"
          type="password"
          autoComplete="new-password"
          description="With a password you can sign in without a link. At least 10 characters."
          value={password}
          onChange={setPassword}
          errorMessage={errorOf('password') && PASSWORD_RULE}
        />
        <Button variant="primary" type="submit" autoFocus isPending={isPending}>
          Open the inbox
        </Button>
      </Form>
    </CardPage>
  );
}
