import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, type Project, type ProjectChange, unwrap } from '../app/api';
import { keys } from '../app/queries';
import { useSubmit } from '../app/useSubmit';
import { ColorField } from '../pages/ColorField';
import { CardPage, ErrorState, LoadingState, TextField } from '../ui';
import { Form } from '../ui/Form';
import type { StepProps } from './SetupPage';
import { StepButtons } from './StepButtons';
import { useProject } from './useProject';

/** The name of the website, and the colour and greeting of its chat. */
export function WebsiteStep(props: StepProps) {
  const { data: project, error, refetch } = useProject();
  return (
    <CardPage
      isWide
      header={props.header}
      title="Your website"
      text="How the chat introduces itself. You can change all of this later."
    >
      {error && <ErrorState error={error} onRetry={() => void refetch()} />}
      {!project && !error && <LoadingState />}
      {project && <WebsiteForm project={project} {...props} />}
    </CardPage>
  );
}

function WebsiteForm({ project, onBack, onNext }: StepProps & { project: Project }) {
  const client = useQueryClient();
  const config = project.chatWidgetConfig;
  const [name, setName] = useState(project.name);
  const [color, setColor] = useState<string | null>(config.brandColor);
  const [greeting, setGreeting] = useState(config.welcomeMessage);
  const { submit, isPending, errorOf, error } = useSubmit(
    ['name', 'chatWidgetConfig.brandColor', 'chatWidgetConfig.welcomeMessage'],
    async (body: ProjectChange) => unwrap(await api.PATCH('/projects/current', { body })),
    (changed) => {
      client.setQueryData(keys.project, changed);
      onNext();
    },
  );
  const change = {
    name,
    chatWidgetConfig: { brandColor: color ?? config.brandColor, welcomeMessage: greeting },
  };
  return (
    <Form error={error} onSubmit={() => submit(change)}>
      <TextField
        label="Name of the website"
        value={name}
        onChange={setName}
        errorMessage={errorOf('name')}
      />
      <ColorField
        label="Colour"
        value={color}
        onChange={setColor}
        errorMessage={errorOf('chatWidgetConfig.brandColor')}
      />
      <TextField
        label="Greeting"
        description="The first text that a visitor reads."
        value={greeting}
        onChange={setGreeting}
        errorMessage={errorOf('chatWidgetConfig.welcomeMessage')}
      />
      <StepButtons
        onBack={onBack}
        onSkip={onNext}
        action="Save and continue"
        isPending={isPending}
      />
    </Form>
  );
}
