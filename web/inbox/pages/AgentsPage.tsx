import { Page } from '../ui';

export default function AgentsPage() {
  return <Page title="Agents">{null}</Page>;
}
