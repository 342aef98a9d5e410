import { useQuery } from '@tanstack/react-query';
import { api, unwrap } from '../app/api';
import { keys } from '../app/queries';
import { scriptTag } from '../app/script-tag';
import { CardPage, ErrorState, LoadingState, Notice } from '../ui';
import { CopyField } from '../ui/CopyField';
import styles from './Setup.module.css';
import type { StepProps } from './SetupPage';
import { StepButtons } from './StepButtons';

/** The tag that puts the chat on the website. */
export function ScriptStep({ header, onBack, onNext }: StepProps) {
  const { data, error, refetch } = useQuery({
    queryKey: keys.apiKeys,
    queryFn: async () => unwrap(await api.GET('/keys')).data,
  });
  const key = data?.find((key) => key.revokedAt === null && key.publishableKey)?.publishableKey;
  return (
    <CardPage
      isWide
      header={header}
      title="Put the chat on your website"
      text="Paste this line into every page that gets the chat, before </body> or in the header of your site builder."
    >
      {error && <ErrorState error={error} onRetry={() => void refetch()} />}
      {!data && !error && <LoadingState />}
      {key && <CopyField label="script tag" text={scriptTag(key)} />}
      {data && !key && (
        <Notice kind="info">
          No publishable key can be shown. Create one later in “Keys and websites”.
        </Notice>
      )}
      <p className={styles.hint}>
        The key in the line is public. “Keys and websites” in the inbox limits it to your websites.
      </p>
      <StepButtons onBack={onBack} action="Continue" onAction={onNext} />
    </CardPage>
  );
}
