import { EmptyState } from '../ui';

export function SignInPage() {
  return <EmptyState icon="key" title="Sign in" />;
}
