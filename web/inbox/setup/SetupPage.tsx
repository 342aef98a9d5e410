import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import type { Me } from '../app/api';
import { keys } from '../app/queries';
import { BASE_PATH } from '../app/router';
import { fetchMe, SessionContext } from '../app/session';
import { usePageTitle } from '../app/title';
import { forgetToken, setUpToken } from '../sign-in/link-token';
import { Button, EmptyState, ErrorState, LoadingState } from '../ui';
import { AccountStep } from './AccountStep';
import { KnowledgeStep } from './KnowledgeStep';
import { Progress } from './Progress';
import { ScriptStep } from './ScriptStep';
import { nextStep, previousStep, readStep, type StepName, writeStep } from './steps';
import { TestStep } from './TestStep';
import { WebsiteStep } from './WebsiteStep';

/** The first steps after the installation: an account, and what visitors need. */
export function SetupPage() {
  usePageTitle('Set up parlor');
  const { data: me, error, refetch } = useQuery({ queryKey: keys.me, queryFn: fetchMe });
  const [token, setToken] = useState(setUpToken);
  const created = () => {
    forgetToken();
    setToken(null);
    void refetch();
  };
  if (token) return <AccountStep token={token} onDone={created} />;
  if (me) return <Steps me={me} />;
  if (error) return <ErrorState error={error} onRetry={() => void refetch()} />;
  if (me === undefined) return <LoadingState label="Opening the set-up" />;
  return (
    <EmptyState
      icon="link"
      title="This page needs the link of the first start"
      text="The server printed the link when it created its database. If there is an account already, sign in."
    >
      <Button variant="primary" onPress={() => location.assign(BASE_PATH)}>
        Sign in
      </Button>
    </EmptyState>
  );
}

/** What each step gets. */
export interface StepProps {
  header: React.ReactNode;
  /** Null in the first step. */
  onBack: (() => void) | null;
  onNext: () => void;
}

const COMPONENTS: Record<StepName, (props: StepProps) => React.ReactNode> = {
  website: WebsiteStep,
  script: ScriptStep,
  knowledge: KnowledgeStep,
  test: TestStep,
};

function Steps({ me }: { me: Me }) {
  const [step, setStep] = useState(readStep);
  // Otherwise the focus would be lost with the button of the step before.
  // biome-ignore lint/correctness/useExhaustiveDependencies: each step has a heading
  useEffect(() => document.querySelector('h1')?.focus(), [step]);
  const show = (name: StepName) => {
    writeStep(name);
    setStep(name);
  };
  const next = () => {
    const name = nextStep(step);
    if (name) show(name);
    else location.assign(BASE_PATH);
  };
  const previous = previousStep(step);
  const Step = COMPONENTS[step];
  return (
    <SessionContext value={me}>
      <Step
        key={step}
        header={<Progress step={step} onChoose={show} />}
        onBack={previous && (() => show(previous))}
        onNext={next}
      />
    </SessionContext>
  );
}
