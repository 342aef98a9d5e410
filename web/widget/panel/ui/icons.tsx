const PATHS = {
  close: 'M6 6l12 12M18 6 6 18',
  back: 'M15 5l-7 7 7 7',
  history: 'M12 7.5v4.7l3 1.8M4.2 10.5A8 8 0 1 1 4.1 13.5M4 5.5v5h5',
  newChat:
    'M12 5H7a3 3 0 0 0-3 3v9a3 3 0 0 0 3 3h9a3 3 0 0 0 3-3v-5M18.4 3.6a1.7 1.7 0 0 1 2.4 2.4L13 13.8l-3.2.8.8-3.2Z',
  send: 'M12 19V5M5.5 11.5 12 5l6.5 6.5',
  down: 'M12 5v14M5.5 12.5 12 19l6.5-6.5',
  like: 'M7 10.5v9M7 10.5l3.7-6.7c1.5 0 2.5 1.2 2.2 2.7l-.6 3H18a2 2 0 0 1 2 2.4l-1.1 5.6A2.5 2.5 0 0 1 16.5 19.5H7M7 10.5H4.5v9H7',
  dislike:
    'M17 13.5v-9M17 13.5l-3.7 6.7c-1.5 0-2.5-1.2-2.2-2.7l.6-3H6a2 2 0 0 1-2-2.4l1.1-5.6A2.5 2.5 0 0 1 7.5 4.5H17M17 13.5h2.5v-9H17',
} as const;

export function Icon({ name }: { name: keyof typeof PATHS }) {
  return (
    <svg class={`icon icon-${name}`} viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}

export function StopIcon() {
  return (
    <svg class="icon icon-stop" viewBox="0 0 24 24" aria-hidden="true">
      <rect x="6.5" y="6.5" width="11" height="11" rx="2.5" />
    </svg>
  );
}
