import { type RefObject, useEffect, useLayoutEffect, useRef, useState } from 'react';

/** The distance from the end within which new messages are followed. */
const NEAR_END_PX = 80;

/**
 * Keeps the end of the log in view while the reader is there. `count` is the number of
 * rows, `ownRow` the id of the last reply that is being sent: it is always brought into view.
 */
export function useEndOfLog(
  log: RefObject<HTMLDivElement | null>,
  count: number,
  ownRow: string | undefined,
) {
  const follows = useRef(true);
  const [isAtEnd, setAtEnd] = useState(true);
  /** The rows when the reader was at the end. */
  const [seen, setSeen] = useState(count);
  const scrollToEnd = () => log.current?.scrollTo({ top: log.current.scrollHeight });
  const follow = () => {
    const { scrollHeight = 0, scrollTop = 0, clientHeight = 0 } = log.current ?? {};
    follows.current = scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
    setAtEnd(follows.current);
    if (follows.current) setSeen(count);
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new own reply
  useLayoutEffect(() => {
    if (ownRow) scrollToEnd();
  }, [ownRow]);
  useEffect(() => {
    if (follows.current) setSeen(count);
  }, [count]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the elements stay the same
  useLayoutEffect(() => {
    const element = log.current;
    if (!element) return;
    scrollToEnd();
    // Messages grow, the window and the input field change their sizes.
    const observer = new ResizeObserver(() => follows.current && scrollToEnd());
    observer.observe(element);
    if (element.firstElementChild) observer.observe(element.firstElementChild);
    return () => observer.disconnect();
  }, []);
  return { isAtEnd, unseen: isAtEnd ? 0 : Math.max(0, count - seen), follow, scrollToEnd };
}
