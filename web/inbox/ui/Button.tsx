import { Button as AriaButton, type ButtonProps as AriaButtonProps } from 'react-aria-components';
import { Link } from '../app/router';
import styles from './Button.module.css';
import { classes } from './classes';
import { Icon, type IconName } from './Icon';
import { Spinner } from './Spinner';
import { Tooltip } from './Tooltip';

export type ButtonVariant = 'primary' | 'secondary' | 'quiet' | 'danger';

interface Look {
  variant?: ButtonVariant;
  size?: 'small' | 'medium';
  icon?: IconName;
}

export interface ButtonProps extends Omit<AriaButtonProps, 'className' | 'style'>, Look {
  className?: string | undefined;
}

function className({ variant = 'secondary', size = 'medium' }: Look, own?: string): string {
  return classes(styles.button, styles[variant], size === 'small' && styles.small, own);
}

/** While `isPending` the button shows a spinner and does nothing. */
export function Button({ variant, size, icon, className: own, children, ...props }: ButtonProps) {
  return (
    <AriaButton {...props} className={className({ variant, size } as Look, own)}>
      {(values) => (
        <>
          {values.isPending ? <Spinner size={16} /> : icon && <Icon name={icon} size={16} />}
          {typeof children === 'function' ? children(values) : children}
        </>
      )}
    </AriaButton>
  );
}

export interface IconButtonProps extends Omit<ButtonProps, 'children' | 'icon'> {
  icon: IconName;
  /** The name of the button, also shown as a tooltip. */
  label: string;
}

/** A button without a text. */
export function IconButton({ icon, label, variant = 'quiet', size, ...props }: IconButtonProps) {
  const { className: own, ...rest } = props;
  const look = classes(className({ variant, size } as Look, own), styles.icon);
  return (
    <Tooltip text={label}>
      <AriaButton {...rest} aria-label={label} className={look}>
        {({ isPending }) => (isPending ? <Spinner size={16} /> : <Icon name={icon} />)}
      </AriaButton>
    </Tooltip>
  );
}

/** A link to a page of the inbox that looks like a button. */
export function LinkButton({
  href,
  variant,
  size,
  icon,
  children,
}: Look & { href: string; children: React.ReactNode }) {
  return (
    <Link href={href} className={className({ variant, size } as Look)}>
      {icon && <Icon name={icon} size={16} />}
      {children}
    </Link>
  );
}
