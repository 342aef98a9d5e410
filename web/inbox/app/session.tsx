import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createContext, type ReactNode, useContext, useEffect, useState } from 'react';
import { LinkPage } from '../sign-in/LinkPage';
import { signInToken } from '../sign-in/link-token';
import { SignInPage } from '../sign-in/SignInPage';
import { ErrorState, LoadingState, toast } from '../ui';
import { api, type Me, onSignedOut, RequestError, unwrap } from './api';
import { keys } from './queries';
import { BASE_PATH } from './router';

/** The account, for pages outside of the inbox too. */
export const SessionContext = createContext<Me | null>(null);

/** The account that is signed in. */
export function useMe(): Me {
  const me = useContext(SessionContext);
  if (!me) throw new Error('nobody is signed in');
  return me;
}

/** Null: nobody is signed in. */
export async function fetchMe(): Promise<Me | null> {
  try {
    return unwrap(await api.GET('/agents/me'));
  } catch (error) {
    if (error instanceof RequestError && error.status === 401) return null;
    throw error;
  }
}

/** Shows the content to an account, and otherwise the sign-in page. */
export function SessionProvider({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const { data: me, error, refetch } = useQuery({ queryKey: keys.me, queryFn: fetchMe });
  useEffect(() => onSignedOut(() => client.setQueryData(keys.me, null)), [client]);
  const [token, setToken] = useState(signInToken);
  const [wasSignedIn, setWasSignedIn] = useState(false);
  if (me && !wasSignedIn) setWasSignedIn(true);
  if (token) return <LinkPage token={token} onDone={() => setToken(null)} />;
  if (me === null) return <SignInPage wasSignedIn={wasSignedIn} />;
  if (me) return <SessionContext value={me}>{children}</SessionContext>;
  if (error) return <ErrorState error={error} onRetry={() => void refetch()} />;
  return <LoadingState label="Opening the inbox" />;
}

/** A function that ends the session. */
export function useSignOut(): () => void {
  return () => {
    api
      .POST('/agents/sign-out')
      .then(unwrap)
      .then(() => location.assign(BASE_PATH))
      .catch(toast.error);
  };
}
