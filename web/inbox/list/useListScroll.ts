import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { ROW_PX } from './ConversationRow';
import { ScrollMap } from './scroll';

/** After this pause the scroll bar shows the true position. */
const SETTLE_MS = 150;

export interface ListScroll {
  /** The height of the content of the scroll area. */
  height: number;
  /** The first and the last visible row, also if only a part is visible. */
  first: number;
  last: number;
  /** What to subtract from the place of a row in the list. */
  delta: number;
  isAtTop: boolean;
  onScroll(): void;
  /** Shows the row at the top of the list. */
  showAtTop(index: number): void;
  /** Scrolls as little as is needed to show the row. */
  reveal(index: number): void;
  /** Moves the list by rows that came in before the visible ones. */
  shift(rows: number): void;
}

/** The rows that a scroll area with `total` rows shows. */
export function useListScroll(area: RefObject<HTMLElement | null>, total: number): ListScroll {
  const [map] = useState(() => new ScrollMap());
  const [viewport, setViewport] = useState(0);
  const [, update] = useState(0);
  const render = useCallback(() => update((count) => count + 1), []);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  map.resize(total * ROW_PX, viewport);

  useLayoutEffect(() => {
    const element = area.current;
    if (!element) return;
    const measure = () => setViewport(element.clientHeight);
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, [area]);
  useEffect(() => () => clearTimeout(timer.current), []);

  const moveTo = useCallback(
    (offset: number) => {
      const top = map.moveTo(offset);
      if (area.current) area.current.scrollTop = top;
      render();
    },
    [area, map, render],
  );

  const onScroll = () => {
    if (!area.current) return;
    map.scrolled(area.current.scrollTop);
    clearTimeout(timer.current);
    if (map.isAtFalseEnd) moveTo(map.offset);
    else timer.current = setTimeout(() => moveTo(map.offset), SETTLE_MS);
    render();
  };

  const reveal = (index: number) => {
    const top = index * ROW_PX;
    if (top < map.offset) moveTo(top);
    else if (top + ROW_PX > map.offset + viewport) moveTo(top + ROW_PX - viewport);
  };

  return {
    height: map.height,
    first: Math.floor(map.offset / ROW_PX),
    last: Math.max(0, Math.ceil((map.offset + viewport) / ROW_PX) - 1),
    delta: map.delta,
    isAtTop: map.offset === 0,
    onScroll,
    showAtTop: (index) => moveTo(index * ROW_PX),
    reveal,
    shift: (rows) => moveTo(map.offset + rows * ROW_PX),
  };
}
