import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, type Project, type ProjectChange, unwrap } from '../app/api';
import { keys } from '../app/queries';
import { useSubmit } from '../app/useSubmit';
import { Button, ErrorState, LoadingState, Section, Switch, TextArea, toast } from '../ui';
import { Form } from '../ui/Form';
import { BusinessHoursFields } from './BusinessHoursFields';
import { defaultHours } from './business-hours';

export function AvailabilitySection() {
  const { data, error, refetch } = useQuery({
    queryKey: keys.project,
    queryFn: async () => unwrap(await api.GET('/projects/current')),
  });
  return (
    <Section
      title="Business hours"
      description="Outside of them, visitors are not told that a person will join."
    >
      {error && <ErrorState error={error} onRetry={() => void refetch()} />}
      {!data && !error && <LoadingState label="Loading the hours" />}
      {data && <AvailabilityForm project={data} />}
    </Section>
  );
}

function AvailabilityForm({ project }: { project: Project }) {
  const client = useQueryClient();
  const [hours, setHours] = useState(project.businessHours);
  const [awayMessage, setAwayMessage] = useState(project.awayMessage ?? '');
  const { submit, isPending, errorOf, error } = useSubmit(
    ['awayMessage'],
    async (body: ProjectChange) => unwrap(await api.PATCH('/projects/current', { body })),
    (changed) => {
      client.setQueryData(keys.project, changed);
      toast.success('Saved');
    },
  );
  const save = () => submit({ businessHours: hours, awayMessage: awayMessage.trim() || null });
  return (
    <Form onSubmit={save} error={error}>
      <Switch
        isSelected={hours !== null}
        onChange={(isSet) => setHours(isSet ? (project.businessHours ?? defaultHours()) : null)}
      >
        Agents answer only at certain hours
      </Switch>
      {hours && <BusinessHoursFields hours={hours} onChange={setHours} />}
      <TextArea
        label="Message while nobody is available"
        placeholder="We are back on Monday at nine."
        value={awayMessage}
        onChange={setAwayMessage}
        rows={2}
        errorMessage={errorOf('awayMessage')}
      />
      <div>
        <Button variant="primary" type="submit" isPending={isPending}>
          Save
        </Button>
      </div>
    </Form>
  );
}
