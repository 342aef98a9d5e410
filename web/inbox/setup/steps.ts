// The steps after the account was made, and the one that is shown. A reload of the page
// continues there.

import { DeviceStorage } from '../../shared/device-storage';

export const STEPS = [
  { name: 'website', label: 'Website' },
  { name: 'script', label: 'Chat' },
  { name: 'knowledge', label: 'Knowledge' },
  { name: 'test', label: 'Test' },
] as const;

export type StepName = (typeof STEPS)[number]['name'];

const storage = new DeviceStorage('localStorage', 'parlor-setup:');
const ENTRY = 'step';

export function readStep(): StepName {
  const name = storage.read<string>(ENTRY);
  return STEPS.find((step) => step.name === name)?.name ?? STEPS[0].name;
}

export function writeStep(name: StepName): void {
  storage.write(ENTRY, name);
}

/** The step after `name`; null: the set-up is complete. */
export function nextStep(name: StepName): StepName | null {
  return STEPS[STEPS.findIndex((step) => step.name === name) + 1]?.name ?? null;
}

export function previousStep(name: StepName): StepName | null {
  return STEPS[STEPS.findIndex((step) => step.name === name) - 1]?.name ?? null;
}
