import { Page } from '../ui';

export default function KeysPage() {
  return <Page title="Keys and websites">{null}</Page>;
}
