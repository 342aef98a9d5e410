import { Page } from '../ui';

export default function KnowledgePage() {
  return <Page title="Knowledge">{null}</Page>;
}
