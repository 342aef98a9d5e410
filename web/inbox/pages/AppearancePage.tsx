import { Page } from '../ui';

export default function AppearancePage() {
  return <Page title="Appearance">{null}</Page>;
}
