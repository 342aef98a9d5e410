/** The texts of the panel. `{name}` is replaced. */
export interface Texts {
  welcome: string;
  placeholder: string;
  assistant: string;
  agentHere: string;
  you: string;
  close: string;
  history: string;
  newChat: string;
  back: string;
  send: string;
  stop: string;
  writing: string;
  sending: string;
  notSent: string;
  failed: string;
  tryAgain: string;
  offline: string;
  ended: string;
  refused: string;
  gone: string;
  sources: string;
  helpful: string;
  notHelpful: string;
  noHistory: string;
  more: string;
  untitled: string;
  newest: string;
  privacy: string;
  loading: string;
  loadFailed: string;
  messages: string;
}
