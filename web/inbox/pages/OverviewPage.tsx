import { Page } from '../ui';

export default function OverviewPage() {
  return <Page title="Overview">{null}</Page>;
}
