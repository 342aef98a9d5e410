import { Page } from '../ui';

export default function AccountPage() {
  return <Page title="Your account">{null}</Page>;
}
