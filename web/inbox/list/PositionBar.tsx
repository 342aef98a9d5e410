import { useState } from 'react';
import { Button as AriaButton, Dialog as AriaDialog, DialogTrigger } from 'react-aria-components';
import { Button, Icon, Popover, TextField } from '../ui';
import styles from './PositionBar.module.css';

const number = new Intl.NumberFormat('en');

export interface PositionBarProps {
  /** Rows, beginning with 0. */
  first: number;
  last: number;
  total: number;
  onJump: (index: number) => void;
}

/** Which rows are visible, and a field to go to others. */
export function PositionBar({ first, last, total, onJump }: PositionBarProps) {
  const range = `${number.format(first + 1)}–${number.format(last + 1)}`;
  return (
    <div className={styles.bar}>
      <DialogTrigger>
        <AriaButton
          className={styles.range ?? ''}
          aria-label={`${range} of ${number.format(total)}. Go to a position`}
        >
          <span>
            <strong>{range}</strong> of {number.format(total)}
          </span>
          <Icon name="chevronDown" size={14} />
        </AriaButton>
        <Popover placement="top start">
          <AriaDialog className={styles.dialog ?? ''} aria-label="Go to a position">
            {({ close }) => (
              <PositionForm
                total={total}
                onJump={(index) => {
                  onJump(index);
                  close();
                }}
              />
            )}
          </AriaDialog>
        </Popover>
      </DialogTrigger>
    </div>
  );
}

function PositionForm({ total, onJump }: Pick<PositionBarProps, 'total' | 'onJump'>) {
  const [text, setText] = useState('');
  const position = Number(text.replace(/[.,\s]/g, ''));
  const isValid = Number.isInteger(position) && position >= 1 && position <= total;
  const places = [
    { label: 'First', index: 0 },
    { label: 'Middle', index: Math.floor(total / 2) },
    { label: 'Last', index: total - 1 },
  ];
  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault();
        if (isValid) onJump(position - 1);
      }}
    >
      <TextField
        label="Go to position"
        inputMode="numeric"
        autoFocus
        value={text}
        onChange={setText}
        placeholder={`1 to ${number.format(total)}`}
      />
      <Button type="submit" variant="primary" isDisabled={!isValid}>
        Go
      </Button>
      <div className={styles.places}>
        {places.map(({ label, index }) => (
          <Button key={label} size="small" onPress={() => onJump(index)}>
            {label}
          </Button>
        ))}
      </div>
    </form>
  );
}
