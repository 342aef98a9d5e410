import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { PanelContext } from '../../contract';
import type { Chat } from '../chat/chat';
import type { Texts } from '../languages/texts';

/** What the components of the panel share. */
export interface Panel {
  chat: Chat;
  texts: Texts;
  lang: string;
  context: PanelContext;
}

export const SharedPanel = createContext<Panel | null>(null);

export function usePanel(): Panel {
  const panel = useContext(SharedPanel);
  if (!panel) throw new Error('a component is outside of the panel');
  return panel;
}

/** The name of the assistant or the shop. */
export function displayName({ project }: PanelContext): string {
  return project.chatWidgetConfig.displayName ?? project.name;
}
