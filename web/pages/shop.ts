// A button of the page opens the chat.

interface ChatWidget {
  open(): void;
}

const button = document.querySelector('[data-ask]');
button?.addEventListener('click', () => {
  (window as { parlor?: ChatWidget }).parlor?.open();
});
