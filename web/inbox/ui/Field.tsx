// Fields of forms, with label, description and error.

import type { ReactNode } from 'react';
import {
  Checkbox as AriaCheckbox,
  type CheckboxProps as AriaCheckboxProps,
  Select as AriaSelect,
  type SelectProps as AriaSelectProps,
  Switch as AriaSwitch,
  type SwitchProps as AriaSwitchProps,
  TextArea as AriaTextArea,
  TextField as AriaTextField,
  type TextFieldProps as AriaTextFieldProps,
  Button,
  FieldError,
  Input,
  Label,
  SelectValue,
  Text,
} from 'react-aria-components';
import { classes } from './classes';
import styles from './Field.module.css';
import { Icon } from './Icon';
import { ListBox, ListBoxItem, Popover } from './Menu';

interface FieldTexts {
  label: string;
  /** The label is for screen readers only. */
  isLabelHidden?: boolean;
  description?: ReactNode;
  errorMessage?: string | undefined;
}

function FieldLabel({ label, isLabelHidden }: FieldTexts) {
  return <Label className={isLabelHidden ? styles.hiddenLabel : styles.label}>{label}</Label>;
}

function FieldTextsBelow({ description, errorMessage }: FieldTexts) {
  return (
    <>
      {description && (
        <Text slot="description" className={styles.description}>
          {description}
        </Text>
      )}
      <FieldError className={styles.error ?? ''}>{errorMessage}</FieldError>
    </>
  );
}

export interface TextFieldProps
  extends Omit<AriaTextFieldProps, 'className' | 'style'>,
    FieldTexts {
  placeholder?: string;
  className?: string | undefined;
}

export function TextField({ className, placeholder, ...props }: TextFieldProps) {
  return (
    <AriaTextField
      {...props}
      isInvalid={props.isInvalid ?? props.errorMessage !== undefined}
      className={classes(styles.field, className)}
    >
      <FieldLabel {...props} />
      <Input className={styles.input ?? ''} placeholder={placeholder ?? ''} />
      <FieldTextsBelow {...props} />
    </AriaTextField>
  );
}

export interface TextAreaProps extends TextFieldProps {
  rows?: number;
}

export function TextArea({ className, placeholder, rows, ...props }: TextAreaProps) {
  return (
    <AriaTextField
      {...props}
      isInvalid={props.isInvalid ?? props.errorMessage !== undefined}
      className={classes(styles.field, className)}
    >
      <FieldLabel {...props} />
      <AriaTextArea
        className={styles.input ?? ''}
        placeholder={placeholder ?? ''}
        rows={rows ?? 3}
      />
      <FieldTextsBelow {...props} />
    </AriaTextField>
  );
}

export interface SelectOption {
  id: string;
  label: string;
}

export interface SelectProps
  extends Omit<AriaSelectProps<SelectOption>, 'className' | 'style' | 'children'>,
    FieldTexts {
  options: readonly SelectOption[];
  /** A small one for toolbars. */
  isCompact?: boolean;
}

/** `selectedKey` and `onSelectionChange` have the `id` of an option. */
export function Select({ options, isCompact = false, ...props }: SelectProps) {
  return (
    <AriaSelect {...props} className={styles.field ?? ''}>
      <FieldLabel {...props} />
      <Button className={classes(styles.input, styles.select, isCompact && styles.compact)}>
        <SelectValue />
        <Icon name="chevronDown" size={16} />
      </Button>
      <FieldTextsBelow {...props} />
      <Popover>
        <ListBox items={options}>
          {({ id, label }) => <ListBoxItem id={id}>{label}</ListBoxItem>}
        </ListBox>
      </Popover>
    </AriaSelect>
  );
}

export interface CheckboxProps extends Omit<AriaCheckboxProps, 'className' | 'style' | 'children'> {
  children: ReactNode;
}

export function Checkbox({ children, ...props }: CheckboxProps) {
  return (
    <AriaCheckbox {...props} className={styles.choice ?? ''}>
      <span className={styles.box}>
        <Icon name="check" size={14} />
      </span>
      <span>{children}</span>
    </AriaCheckbox>
  );
}

export interface SwitchProps extends Omit<AriaSwitchProps, 'className' | 'style' | 'children'> {
  children: ReactNode;
}

export function Switch({ children, ...props }: SwitchProps) {
  return (
    <AriaSwitch {...props} className={styles.choice ?? ''}>
      <span className={styles.track} />
      <span>{children}</span>
    </AriaSwitch>
  );
}
