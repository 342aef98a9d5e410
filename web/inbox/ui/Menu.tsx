// Menus and the lists of selects.

import type { ReactNode } from 'react';
import {
  ListBox as AriaListBox,
  ListBoxItem as AriaListBoxItem,
  type ListBoxItemProps as AriaListBoxItemProps,
  Menu as AriaMenu,
  MenuItem as AriaMenuItem,
  type MenuItemProps as AriaMenuItemProps,
  Popover as AriaPopover,
  type ListBoxProps,
  type MenuProps,
  type PopoverProps,
  Separator,
} from 'react-aria-components';
import { classes } from './classes';
import { Icon, type IconName } from './Icon';
import styles from './Menu.module.css';

export { MenuTrigger } from 'react-aria-components';

export function Popover(props: Omit<PopoverProps, 'className' | 'style'>) {
  return <AriaPopover offset={5} {...props} className={styles.popover ?? ''} />;
}

export function ListBox<T extends object>(props: Omit<ListBoxProps<T>, 'className' | 'style'>) {
  return <AriaListBox {...props} className={styles.list ?? ''} />;
}

export interface ListBoxItemProps extends Omit<AriaListBoxItemProps, 'className' | 'children'> {
  children: ReactNode;
}

export function ListBoxItem({ children, ...props }: ListBoxItemProps) {
  const text = typeof children === 'string' ? { textValue: children } : {};
  return (
    <AriaListBoxItem {...text} {...props} className={styles.item ?? ''}>
      {children}
      <Icon name="check" size={16} className={styles.check} />
    </AriaListBoxItem>
  );
}

/** The content of a `MenuTrigger`, after its button. */
export function Menu<T extends object>(props: Omit<MenuProps<T>, 'className' | 'style'>) {
  return (
    <Popover>
      <AriaMenu {...props} className={styles.list ?? ''} />
    </Popover>
  );
}

export interface MenuItemProps extends Omit<AriaMenuItemProps, 'className' | 'children'> {
  icon?: IconName;
  isDangerous?: boolean;
  children: ReactNode;
}

export function MenuItem({ icon, isDangerous = false, children, ...props }: MenuItemProps) {
  const text = typeof children === 'string' ? { textValue: children } : {};
  return (
    <AriaMenuItem
      {...text}
      {...props}
      className={classes(styles.item, isDangerous && styles.danger)}
    >
      {icon && <Icon name={icon} size={16} />}
      {children}
      {props.href === undefined && <Icon name="check" size={16} className={styles.check} />}
    </AriaMenuItem>
  );
}

export function MenuSeparator() {
  return <Separator className={styles.separator ?? ''} />;
}
