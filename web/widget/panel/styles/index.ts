// The style sheet of the panel. The order matters: `media.css` changes what others define.

import head from './head.css?inline';
import history from './history.css?inline';
import input from './input.css?inline';
import markdown from './markdown.css?inline';
import media from './media.css?inline';
import messages from './messages.css?inline';
import page from './page.css?inline';
import panelWindow from './window.css?inline';

export const styles = [panelWindow, head, messages, markdown, input, history, page, media].join(
  '\n',
);
