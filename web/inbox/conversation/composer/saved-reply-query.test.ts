import { expect, test } from 'vitest';
import type { SavedReply } from '../../app/api';
import { matchingReplies, slashQuery } from './saved-reply-query';

test('slash at the beginning of a word starts a query that ends at the caret', () => {
  expect(slashQuery('/', 1)).toEqual({ start: 0, query: '' });
  expect(slashQuery('Hello /ship', 11)).toEqual({ start: 6, query: 'ship' });
  expect(slashQuery('Hello /ship', 9)).toEqual({ start: 6, query: 'sh' });
  expect(slashQuery('Hello\n/ship', 11)).toEqual({ start: 6, query: 'ship' });
});

test('slash in a word, an address or before a space starts no query', () => {
  expect(slashQuery('and/or', 6)).toBeNull();
  expect(slashQuery('https://shop.example', 20)).toBeNull();
  expect(slashQuery('/ship now', 9)).toBeNull();
  expect(slashQuery('/ship', 0)).toBeNull();
});

test('names match before texts', () => {
  const reply = (name: string, text: string) => ({ id: name, name, text }) as SavedReply;
  const replies = [
    reply('Hello', 'Thanks for your order'),
    reply('Order', 'It left us'),
    reply('Bye', ''),
  ];
  expect(matchingReplies(replies, 'order').map(({ name }) => name)).toEqual(['Order', 'Hello']);
  expect(matchingReplies(replies, '').length).toBe(3);
});
