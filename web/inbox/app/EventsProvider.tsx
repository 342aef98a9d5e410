import { useQueryClient } from '@tanstack/react-query';
import {
  createContext,
  type ReactNode,
  useContext,
  useEffect,
  useEffectEvent,
  useState,
  useSyncExternalStore,
} from 'react';
import {
  type ConnectionState,
  connectEvents,
  type EventOf,
  EventStream,
  type EventType,
  reopenOnReturn,
} from './events';
import { applyEvent, keys } from './queries';

const EventsContext = createContext<EventStream | null>(null);

/** Receives the live events while it is mounted, and writes them into the cache. */
export function EventsProvider({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const [stream] = useState(
    () =>
      new EventStream({
        connect: connectEvents,
        onRefused: () => void client.invalidateQueries({ queryKey: keys.me }),
      }),
  );
  useEffect(() => {
    const stop = [
      stream.subscribe((event) => applyEvent(client, event)),
      reopenOnReturn(stream),
      () => stream.close(),
    ];
    stream.open();
    return () => {
      for (const end of stop) end();
    };
  }, [stream, client]);
  return <EventsContext value={stream}>{children}</EventsContext>;
}

function useStream(): EventStream {
  const stream = useContext(EventsContext);
  if (!stream) throw new Error('there is no EventsProvider');
  return stream;
}

/** Calls the newest `handler` for each event of the types. */
export function useEvents<Type extends EventType>(
  types: readonly Type[],
  handler: (event: EventOf<Type>) => void,
): void {
  const stream = useStream();
  const receive = useEffectEvent((event: { type: EventType }) => {
    if ((types as readonly EventType[]).includes(event.type)) handler(event as EventOf<Type>);
  });
  useEffect(() => stream.subscribe((event) => receive(event)), [stream]);
}

/** Receives the text of answers in the conversation while they are written. */
export function useWatch(conversationId: string): void {
  const stream = useStream();
  useEffect(() => {
    stream.watch(conversationId);
    return () => stream.watch(null);
  }, [stream, conversationId]);
}

/** Whether live events arrive. */
export function useConnection(): ConnectionState {
  const stream = useStream();
  return useSyncExternalStore(stream.subscribeState, () => stream.state);
}
