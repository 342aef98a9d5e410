// The texts of the button, which is shown before the panel and its language are loaded.

/** Open, close, new messages. */
type Labels = readonly [string, string, string];

const LABELS: Record<string, Labels> = {
  en: ['Open chat', 'Close chat', 'new messages'],
  ar: ['فتح المحادثة', 'إغلاق المحادثة', 'رسائل جديدة'],
  de: ['Chat öffnen', 'Chat schließen', 'neue Nachrichten'],
  el: ['Άνοιγμα συνομιλίας', 'Κλείσιμο συνομιλίας', 'νέα μηνύματα'],
  es: ['Abrir el chat', 'Cerrar el chat', 'mensajes nuevos'],
  fr: ['Ouvrir le chat', 'Fermer le chat', 'nouveaux messages'],
  hi: ['चैट खोलें', 'चैट बंद करें', 'नए संदेश'],
  it: ['Apri la chat', 'Chiudi la chat', 'nuovi messaggi'],
  ja: ['チャットを開く', 'チャットを閉じる', '新着メッセージ'],
  ko: ['채팅 열기', '채팅 닫기', '새 메시지'],
  pl: ['Otwórz czat', 'Zamknij czat', 'nowe wiadomości'],
  pt: ['Abrir o chat', 'Fechar o chat', 'mensagens novas'],
  tr: ['Sohbeti aç', 'Sohbeti kapat', 'yeni mesaj'],
  uk: ['Відкрити чат', 'Закрити чат', 'нові повідомлення'],
  vi: ['Mở trò chuyện', 'Đóng trò chuyện', 'tin nhắn mới'],
  zh: ['打开聊天', '关闭聊天', '新消息'],
};

/** The language of the widget: the first of the wishes that it speaks, or English. */
export function chooseLanguage(wishes: readonly (string | null | undefined)[]): string {
  for (const wish of wishes) {
    const language = wish?.trim().toLowerCase().split(/[-_]/)[0] ?? '';
    if (Object.hasOwn(LABELS, language)) return language;
    if (language) return 'en';
  }
  return 'en';
}

/** The name of the button. */
export function bubbleLabel(lang: string, isOpen: boolean, unread: number): string {
  const [open, close, messages] = LABELS[lang] as Labels;
  if (isOpen) return close;
  return unread > 0 ? `${open} (${unread} ${messages})` : open;
}
