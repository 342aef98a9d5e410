// The components that all pages share.

export { Avatar, type AvatarProps } from './Avatar';
export { Badge, type BadgeProps } from './Badge';
export { Button, type ButtonProps, IconButton, type IconButtonProps, LinkButton } from './Button';
export { CardPage } from './CardPage';
export { classes } from './classes';
export { copyText } from './copy-text';
export { ConfirmDialog, Dialog, DialogActions } from './Dialog';
export { Checkbox, Select, type SelectOption, Switch, TextArea, TextField } from './Field';
export { Icon, type IconName } from './Icon';
export { ListBox, ListBoxItem, Menu, MenuItem, MenuSeparator, MenuTrigger, Popover } from './Menu';
export { Notice } from './Notice';
export { Page, Section } from './Page';
export { Spinner } from './Spinner';
export { EmptyState, ErrorState, LoadingState, Skeleton } from './States';
export { formatDuration, formatFullTime, formatTime, Time, useNow } from './Time';
export { ToastRegion, toast } from './Toast';
export { Tooltip } from './Tooltip';
export { VisuallyHidden } from './VisuallyHidden';
