import { type Ref, useEffect, useState } from 'react';
import {
  Button as AriaButton,
  Input,
  MenuSection,
  SearchField,
  type Selection,
} from 'react-aria-components';
import { Link, useQuery, withQuery } from '../app/router';
import {
  Button,
  classes,
  Icon,
  IconButton,
  Menu,
  MenuItem,
  MenuSeparator,
  MenuTrigger,
} from '../ui';
import { AlertsButton } from './AlertsButton';
import { type Direction, type Filters, filterQuery, SORTS, type SortName, VIEWS } from './filters';
import styles from './ListHeader.module.css';
import { useWaitingCount } from './useWaitingCount';

/** A pause in writing after which the search begins. */
const SEARCH_DELAY_MS = 250;

export interface ListHeaderProps {
  filters: Filters;
  searchField: Ref<HTMLInputElement>;
  onHelp: () => void;
}

export function ListHeader({ filters, searchField, onHelp }: ListHeaderProps) {
  return (
    <header className={styles.header}>
      <div className={styles.titleLine}>
        <h1 className={styles.title}>Inbox</h1>
        <AlertsButton />
        <span className={styles.help}>
          <IconButton icon="keyboard" label="Keyboard shortcuts (?)" onPress={onHelp} />
        </span>
      </div>
      <Search filters={filters} field={searchField} />
      <Views filters={filters} />
      <div className={styles.options}>
        <HandledMenu filters={filters} />
        <SortMenu filters={filters} />
      </div>
    </header>
  );
}

function Search({ filters, field }: { filters: Filters; field: Ref<HTMLInputElement> }) {
  const [, changeQuery] = useQuery();
  const [text, setText] = useState(filters.text);
  // The address changes with the buttons of the browser too.
  const [shown, setShown] = useState(filters.text);
  if (shown !== filters.text) {
    setShown(filters.text);
    if (text.trim() !== filters.text) setText(filters.text);
  }
  useEffect(() => {
    if (text.trim() === filters.text) return;
    const search = () => changeQuery(filterQuery({ text }), { replace: true });
    const timer = setTimeout(search, text ? SEARCH_DELAY_MS : 0);
    return () => clearTimeout(timer);
  }, [text, filters.text, changeQuery]);
  return (
    <SearchField
      className={styles.search ?? ''}
      aria-label="Search conversations"
      maxLength={300}
      value={text}
      onChange={setText}
    >
      <Icon name="search" size={16} />
      <Input ref={field} placeholder="Search messages" />
      <AriaButton className={styles.clear ?? ''}>
        <Icon name="close" size={14} />
      </AriaButton>
    </SearchField>
  );
}

function Views({ filters }: { filters: Filters }) {
  const [query] = useQuery();
  const waiting = useWaitingCount();
  return (
    <nav className={styles.views} aria-label="Parts of the inbox">
      {VIEWS.map(({ id, label }) => (
        <Link
          key={id}
          href={location.pathname + withQuery(`${query}`, filterQuery({ view: id }))}
          aria-current={filters.view === id ? 'true' : undefined}
        >
          {label}
          {id === 'waiting' && waiting > 0 && (
            <span className={styles.count}>{waiting > 999 ? '999+' : waiting}</span>
          )}
        </Link>
      ))}
    </nav>
  );
}

const HANDLED = [
  { id: 'anyone', label: 'Anyone', value: null },
  { id: 'agent', label: 'An agent', value: true },
  { id: 'assistant', label: 'The assistant', value: false },
] as const;

function HandledMenu({ filters }: { filters: Filters }) {
  const [, changeQuery] = useQuery();
  const current = HANDLED.find(({ value }) => value === filters.isHumanHandled) ?? HANDLED[0];
  const choose = (selection: Selection) => {
    const item = HANDLED.find(({ id }) => selection !== 'all' && selection.has(id));
    if (item) changeQuery(filterQuery({ isHumanHandled: item.value }));
  };
  return (
    <MenuTrigger>
      <Button
        variant="quiet"
        size="small"
        icon="filter"
        aria-label={`Handled by: ${current.label}`}
        className={classes(current.value !== null && styles.active)}
      >
        {current.label}
      </Button>
      <Menu
        aria-label="Handled by"
        selectionMode="single"
        disallowEmptySelection
        selectedKeys={[current.id]}
        onSelectionChange={choose}
      >
        {HANDLED.map(({ id, label }) => (
          <MenuItem key={id} id={id}>
            {label}
          </MenuItem>
        ))}
      </Menu>
    </MenuTrigger>
  );
}

function SortMenu({ filters }: { filters: Filters }) {
  const [, changeQuery] = useQuery();
  const sort = SORTS.find(({ id }) => id === filters.sort) ?? SORTS[0];
  const single = (selection: Selection) => (selection === 'all' ? null : [...selection][0]);
  return (
    <MenuTrigger>
      <Button
        variant="quiet"
        size="small"
        icon={filters.direction === 'desc' ? 'arrowDown' : 'arrowUp'}
        aria-label={`Order: ${sort.label}, ${sort[filters.direction]}`}
      >
        {sort.label}
      </Button>
      <Menu aria-label="Order">
        <MenuSection
          aria-label="Order by"
          selectionMode="single"
          disallowEmptySelection
          selectedKeys={[filters.sort]}
          onSelectionChange={(keys) => {
            changeQuery(filterQuery({ sort: single(keys) as SortName, direction: 'desc' }));
          }}
        >
          {SORTS.map(({ id, label }) => (
            <MenuItem key={id} id={id}>
              {label}
            </MenuItem>
          ))}
        </MenuSection>
        <MenuSeparator />
        <MenuSection
          aria-label="Direction"
          selectionMode="single"
          disallowEmptySelection
          selectedKeys={[filters.direction]}
          onSelectionChange={(keys) => {
            changeQuery(filterQuery({ direction: single(keys) as Direction }));
          }}
        >
          {(['desc', 'asc'] as const).map((direction) => (
            <MenuItem key={direction} id={direction}>
              {sort[direction]}
            </MenuItem>
          ))}
        </MenuSection>
      </Menu>
    </MenuTrigger>
  );
}
