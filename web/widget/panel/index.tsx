// The entry of the panel, which the loader imports.

import { render } from 'preact';
import { DeviceStorage } from '../../shared/device-storage';
import { OPEN_ENTRY, type Panel, type PanelContext, storagePrefix } from '../contract';
import { Chat } from './chat/chat';
import { loadTexts } from './languages/load';
import { styles } from './styles';
import { themeProperties } from './theme';
import { App } from './ui/App';
import { SharedPanel } from './ui/panel-context';
import { followViewport } from './viewport';

export async function mount(context: PanelContext): Promise<Panel> {
  const texts = await loadTexts(context.lang);
  const end = new AbortController();
  const element = document.createElement('div');
  element.className = 'root';
  const removeStyles = addStyles(context);
  applyTheme(element, context, end.signal);
  followViewport(element, end.signal);
  context.root.append(element);

  const chat = new Chat(context);
  const tab = new DeviceStorage(
    'sessionStorage',
    storagePrefix(context.options.key, context.identity),
  );
  const panel = { chat, texts, lang: context.lang, context };
  const show = (isOpen: boolean) => {
    if (isOpen) tab.write(OPEN_ENTRY, true);
    else tab.remove(OPEN_ENTRY);
    // At once: an effect of a component runs after the next frame, and a message can
    // arrive before.
    chat.setVisible(isOpen);
    draw(isOpen);
  };
  const draw = (isOpen: boolean) =>
    render(
      <SharedPanel.Provider value={panel}>
        <App isOpen={isOpen} />
      </SharedPanel.Provider>,
      element,
    );
  draw(false);
  chat.start();
  return {
    open: () => show(true),
    close: () => show(false),
    destroy() {
      end.abort();
      chat.destroy();
      render(null, element);
      element.remove();
      removeStyles();
    },
  };
}

/** Returns a function that removes the styles. */
function addStyles({ root, project }: PanelContext): () => void {
  const { customCSSStyles } = project.chatWidgetConfig;
  const sheets = [styles, customCSSStyles].filter(Boolean).map((text) => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(text);
    return sheet;
  });
  root.adoptedStyleSheets = [...root.adoptedStyleSheets, ...sheets];
  return () => {
    root.adoptedStyleSheets = root.adoptedStyleSheets.filter((sheet) => !sheets.includes(sheet));
  };
}

/** Sets the custom properties of the theme, and follows the system between light and dark. */
function applyTheme(element: HTMLElement, context: PanelContext, signal: AbortSignal): void {
  const config = context.project.chatWidgetConfig;
  const { theme, launcher } = context.options;
  const dark = window.matchMedia('(prefers-color-scheme: dark)');
  const apply = () => {
    const isDark = theme ? theme === 'dark' : dark.matches;
    element.style.colorScheme = isDark ? 'dark' : 'light';
    for (const [name, value] of Object.entries(themeProperties(config, isDark))) {
      element.style.setProperty(`--${name}`, value);
    }
  };
  apply();
  dark.addEventListener('change', apply, { signal });
  const lengths = {
    x: config.offset.x,
    y: config.offset.y + (launcher ? 0 : 68),
    width: config.width,
    'max-height': config.maxHeight,
    radius: config.bubbleRadius,
    'font-size': config.baseFontSize,
  };
  for (const [name, value] of Object.entries(lengths)) {
    element.style.setProperty(`--${name}`, `${value}px`);
  }
}
