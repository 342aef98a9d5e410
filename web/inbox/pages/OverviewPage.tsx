import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api, type Statistics, unwrap } from '../app/api';
import { keys } from '../app/queries';
import { EmptyState, ErrorState, LoadingState, Page, Section, Select, VisuallyHidden } from '../ui';
import { formatDay, formatShare, formatWait } from './figures';
import styles from './OverviewPage.module.css';

const PERIODS = [7, 30, 90].map((days) => ({ id: String(days), label: `${days} days` }));

export default function OverviewPage() {
  const [days, setDays] = useState(30);
  const { data, error, refetch } = useQuery({
    queryKey: keys.statistics(days),
    queryFn: async () => unwrap(await api.GET('/statistics', { params: { query: { days } } })),
    placeholderData: (old) => old,
  });
  return (
    <Page
      title="Overview"
      actions={
        <Select
          label="Period"
          isLabelHidden
          isCompact
          options={PERIODS}
          selectedKey={String(days)}
          onSelectionChange={(key) => setDays(Number(key))}
        />
      }
    >
      {error && <ErrorState error={error} onRetry={() => void refetch()} />}
      {!data && !error && <LoadingState label="Counting" />}
      {data && <Figures statistics={data} />}
      {data && <Days days={data.days} />}
    </Page>
  );
}

function Figures({ statistics }: { statistics: Statistics }) {
  const { likes, dislikes } = statistics.feedback;
  const figures = [
    ['conversations', statistics.conversations.toLocaleString()],
    ['answered by the assistant alone', formatShare(statistics.answeredByAssistant)],
    ['waiting now', statistics.waiting.toLocaleString()],
    ['usual wait for a person', formatWait(statistics.medianWaitSeconds)],
    ['answers liked', formatShare(likes + dislikes > 0 ? likes / (likes + dislikes) : null)],
  ] as const;
  return (
    <dl className={styles.figures}>
      {figures.map(([name, value]) => (
        <div key={name} className={styles.figure}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Days({ days }: { days: Statistics['days'] }) {
  const max = Math.max(...days.map((day) => day.conversations));
  const [first, last] = [days[0], days.at(-1)];
  if (!first || !last || max === 0) {
    return (
      <Section title="Conversations per day">
        <EmptyState icon="chart" title="No conversations in this period" />
      </Section>
    );
  }
  return (
    <Section title="Conversations per day">
      <ol className={styles.chart}>
        {days.map(({ date, conversations }) => (
          <li key={date} className={styles.day} title={`${formatDay(date)}: ${conversations}`}>
            <VisuallyHidden>{`${formatDay(date)}: ${conversations}`}</VisuallyHidden>
            <span className={styles.bar} style={{ height: `${(100 * conversations) / max}%` }} />
          </li>
        ))}
      </ol>
      <div className={styles.axis} aria-hidden="true">
        <span>{formatDay(first.date)}</span>
        <span>at most {max.toLocaleString()} on a day</span>
        <span>{formatDay(last.date)}</span>
      </div>
    </Section>
  );
}
