import { Icon } from '../ui';
import styles from './Setup.module.css';
import { STEPS, type StepName } from './steps';

/** The steps, to choose one of them. */
export function Progress({ step, onChoose }: { step: StepName; onChoose: (n: StepName) => void }) {
  const current = STEPS.findIndex(({ name }) => name === step);
  return (
    <nav aria-label="Steps">
      <ol className={styles.progress}>
        {STEPS.map(({ name, label }, i) => (
          <li key={name}>
            <button
              type="button"
              aria-current={name === step ? 'step' : undefined}
              data-done={i < current || undefined}
              onClick={() => onChoose(name)}
            >
              <span>{i < current ? <Icon name="check" size={13} /> : i + 1}</span>
              {label}
            </button>
          </li>
        ))}
      </ol>
    </nav>
  );
}
