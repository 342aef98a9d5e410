// What the page of a reply e-mail says instead of the conversation, in each language of the
// widget.

/** Title and explanation. */
type State = readonly [string, string];

export interface ChatTexts {
  title: string;
  opening: State;
  missing: State;
  ended: State;
  limited: State;
  failed: State;
  retry: string;
}

const en: ChatTexts = {
  title: 'Your conversation',
  opening: ['Opening your conversation', 'One moment, please.'],
  missing: [
    'No conversation is open here',
    'Please open the link in the e-mail again. The newest e-mail has the newest link.',
  ],
  ended: [
    'This link is no longer valid',
    'Links work for 7 days. Please open the link in the newest e-mail, or write to us in the chat on our website.',
  ],
  limited: ['Too many attempts', 'Please wait a minute, then try again.'],
  failed: [
    'The conversation could not be opened',
    'Please check your internet connection, then try again.',
  ],
  retry: 'Try again',
};

const TEXTS: Record<string, ChatTexts> = {
  en,
  ar: {
    title: 'محادثتك',
    opening: ['جارٍ فتح محادثتك', 'لحظة من فضلك.'],
    missing: [
      'لا توجد محادثة مفتوحة هنا',
      'يرجى فتح الرابط الموجود في البريد الإلكتروني مرة أخرى. أحدث رسالة تحتوي على أحدث رابط.',
    ],
    ended: [
      'لم يعد هذا الرابط صالحًا',
      'تعمل الروابط لمدة 7 أيام. يرجى فتح الرابط في أحدث رسالة، أو الكتابة إلينا في المحادثة على موقعنا.',
    ],
    limited: ['محاولات كثيرة جدًا', 'يرجى الانتظار دقيقة ثم المحاولة مرة أخرى.'],
    failed: ['تعذر فتح المحادثة', 'يرجى التحقق من اتصالك بالإنترنت ثم المحاولة مرة أخرى.'],
    retry: 'حاول مرة أخرى',
  },
  de: {
    title: 'Ihre Unterhaltung',
    opening: ['Ihre Unterhaltung wird geöffnet', 'Einen Moment, bitte.'],
    missing: [
      'Hier ist keine Unterhaltung geöffnet',
      'Bitte öffnen Sie den Link in der E-Mail noch einmal. Die neueste E-Mail hat den neuesten Link.',
    ],
    ended: [
      'Dieser Link ist nicht mehr gültig',
      'Links gelten 7 Tage. Bitte öffnen Sie den Link in der neuesten E-Mail, oder schreiben Sie uns im Chat auf unserer Website.',
    ],
    limited: ['Zu viele Versuche', 'Bitte warten Sie eine Minute und versuchen Sie es erneut.'],
    failed: [
      'Die Unterhaltung konnte nicht geöffnet werden',
      'Bitte prüfen Sie Ihre Internetverbindung und versuchen Sie es erneut.',
    ],
    retry: 'Erneut versuchen',
  },
  el: {
    title: 'Η συνομιλία σας',
    opening: ['Η συνομιλία σας ανοίγει', 'Μια στιγμή, παρακαλώ.'],
    missing: [
      'Δεν υπάρχει ανοιχτή συνομιλία εδώ',
      'Ανοίξτε ξανά τον σύνδεσμο από το e-mail. Το νεότερο e-mail έχει τον νεότερο σύνδεσμο.',
    ],
    ended: [
      'Αυτός ο σύνδεσμος δεν ισχύει πλέον',
      'Οι σύνδεσμοι ισχύουν 7 ημέρες. Ανοίξτε τον σύνδεσμο στο νεότερο e-mail ή γράψτε μας στη συνομιλία στον ιστότοπό μας.',
    ],
    limited: ['Πάρα πολλές προσπάθειες', 'Περιμένετε ένα λεπτό και δοκιμάστε ξανά.'],
    failed: [
      'Δεν ήταν δυνατό το άνοιγμα της συνομιλίας',
      'Ελέγξτε τη σύνδεσή σας στο διαδίκτυο και δοκιμάστε ξανά.',
    ],
    retry: 'Δοκιμάστε ξανά',
  },
  es: {
    title: 'Su conversación',
    opening: ['Abriendo su conversación', 'Un momento, por favor.'],
    missing: [
      'Aquí no hay ninguna conversación abierta',
      'Abra de nuevo el enlace del correo electrónico. El correo más reciente tiene el enlace más reciente.',
    ],
    ended: [
      'Este enlace ya no es válido',
      'Los enlaces valen 7 días. Abra el enlace del correo más reciente o escríbanos en el chat de nuestro sitio web.',
    ],
    limited: ['Demasiados intentos', 'Espere un minuto y vuelva a intentarlo.'],
    failed: [
      'No se pudo abrir la conversación',
      'Compruebe su conexión a internet y vuelva a intentarlo.',
    ],
    retry: 'Reintentar',
  },
  fr: {
    title: 'Votre conversation',
    opening: ['Ouverture de votre conversation', 'Un instant, s’il vous plaît.'],
    missing: [
      'Aucune conversation n’est ouverte ici',
      'Veuillez rouvrir le lien de l’e-mail. Le dernier e-mail contient le dernier lien.',
    ],
    ended: [
      'Ce lien n’est plus valide',
      'Les liens sont valables 7 jours. Veuillez ouvrir le lien du dernier e-mail ou nous écrire dans le chat de notre site.',
    ],
    limited: ['Trop de tentatives', 'Veuillez patienter une minute, puis réessayer.'],
    failed: [
      'La conversation n’a pas pu être ouverte',
      'Veuillez vérifier votre connexion internet, puis réessayer.',
    ],
    retry: 'Réessayer',
  },
  hi: {
    title: 'आपकी बातचीत',
    opening: ['आपकी बातचीत खोली जा रही है', 'कृपया एक क्षण रुकें।'],
    missing: [
      'यहाँ कोई बातचीत खुली नहीं है',
      'कृपया ई-मेल का लिंक फिर से खोलें। सबसे नए ई-मेल में सबसे नया लिंक है।',
    ],
    ended: [
      'यह लिंक अब मान्य नहीं है',
      'लिंक 7 दिन तक काम करते हैं। कृपया सबसे नए ई-मेल का लिंक खोलें, या हमारी वेबसाइट की चैट में हमें लिखें।',
    ],
    limited: ['बहुत अधिक प्रयास', 'कृपया एक मिनट रुकें, फिर दोबारा प्रयास करें।'],
    failed: ['बातचीत नहीं खोली जा सकी', 'कृपया अपना इंटरनेट कनेक्शन जाँचें, फिर दोबारा प्रयास करें।'],
    retry: 'फिर से प्रयास करें',
  },
  it: {
    title: 'La tua conversazione',
    opening: ['Apertura della conversazione', 'Un momento, per favore.'],
    missing: [
      'Qui non è aperta nessuna conversazione',
      'Apri di nuovo il link nell’e-mail. L’e-mail più recente contiene il link più recente.',
    ],
    ended: [
      'Questo link non è più valido',
      'I link valgono 7 giorni. Apri il link nell’e-mail più recente o scrivici nella chat del nostro sito.',
    ],
    limited: ['Troppi tentativi', 'Attendi un minuto, poi riprova.'],
    failed: [
      'Non è stato possibile aprire la conversazione',
      'Controlla la connessione a internet, poi riprova.',
    ],
    retry: 'Riprova',
  },
  ja: {
    title: '会話',
    opening: ['会話を開いています', '少々お待ちください。'],
    missing: [
      '開いている会話はありません',
      'メールのリンクをもう一度開いてください。最新のメールに最新のリンクがあります。',
    ],
    ended: [
      'このリンクは無効になりました',
      'リンクの有効期間は7日間です。最新のメールのリンクを開くか、ウェブサイトのチャットでご連絡ください。',
    ],
    limited: ['試行回数が多すぎます', '1分ほど待ってから、もう一度お試しください。'],
    failed: [
      '会話を開けませんでした',
      'インターネット接続を確認してから、もう一度お試しください。',
    ],
    retry: '再試行',
  },
  ko: {
    title: '대화',
    opening: ['대화를 여는 중입니다', '잠시만 기다려 주세요.'],
    missing: [
      '열려 있는 대화가 없습니다',
      '이메일의 링크를 다시 열어 주세요. 가장 최근 이메일에 가장 최근 링크가 있습니다.',
    ],
    ended: [
      '이 링크는 더 이상 유효하지 않습니다',
      '링크는 7일 동안 유효합니다. 가장 최근 이메일의 링크를 열거나 웹사이트의 채팅으로 문의해 주세요.',
    ],
    limited: ['시도 횟수가 너무 많습니다', '1분 후에 다시 시도해 주세요.'],
    failed: ['대화를 열 수 없습니다', '인터넷 연결을 확인한 후 다시 시도해 주세요.'],
    retry: '다시 시도',
  },
  pl: {
    title: 'Twoja rozmowa',
    opening: ['Otwieranie rozmowy', 'Chwileczkę.'],
    missing: [
      'Nie ma tu otwartej rozmowy',
      'Otwórz ponownie link z e-maila. Najnowszy e-mail zawiera najnowszy link.',
    ],
    ended: [
      'Ten link nie jest już ważny',
      'Linki są ważne 7 dni. Otwórz link z najnowszego e-maila albo napisz do nas na czacie na naszej stronie.',
    ],
    limited: ['Zbyt wiele prób', 'Odczekaj minutę i spróbuj ponownie.'],
    failed: [
      'Nie udało się otworzyć rozmowy',
      'Sprawdź połączenie z internetem i spróbuj ponownie.',
    ],
    retry: 'Spróbuj ponownie',
  },
  pt: {
    title: 'A sua conversa',
    opening: ['A abrir a sua conversa', 'Um momento, por favor.'],
    missing: [
      'Não há nenhuma conversa aberta aqui',
      'Abra novamente o link do e-mail. O e-mail mais recente tem o link mais recente.',
    ],
    ended: [
      'Este link já não é válido',
      'Os links são válidos por 7 dias. Abra o link do e-mail mais recente ou escreva-nos no chat do nosso site.',
    ],
    limited: ['Demasiadas tentativas', 'Aguarde um minuto e tente novamente.'],
    failed: [
      'Não foi possível abrir a conversa',
      'Verifique a sua ligação à internet e tente novamente.',
    ],
    retry: 'Tentar novamente',
  },
  tr: {
    title: 'Görüşmeniz',
    opening: ['Görüşmeniz açılıyor', 'Bir dakika lütfen.'],
    missing: [
      'Burada açık bir görüşme yok',
      'Lütfen e-postadaki bağlantıyı yeniden açın. En yeni bağlantı en yeni e-postadadır.',
    ],
    ended: [
      'Bu bağlantı artık geçerli değil',
      'Bağlantılar 7 gün geçerlidir. Lütfen en yeni e-postadaki bağlantıyı açın veya web sitemizdeki sohbetten bize yazın.',
    ],
    limited: ['Çok fazla deneme', 'Lütfen bir dakika bekleyin ve yeniden deneyin.'],
    failed: ['Görüşme açılamadı', 'Lütfen internet bağlantınızı kontrol edin ve yeniden deneyin.'],
    retry: 'Yeniden dene',
  },
  uk: {
    title: 'Ваша розмова',
    opening: ['Відкриваємо вашу розмову', 'Зачекайте, будь ласка.'],
    missing: [
      'Тут немає відкритої розмови',
      'Відкрийте посилання з листа ще раз. Найновіше посилання – у найновішому листі.',
    ],
    ended: [
      'Це посилання більше не дійсне',
      'Посилання діють 7 днів. Відкрийте посилання з найновішого листа або напишіть нам у чаті на нашому сайті.',
    ],
    limited: ['Забагато спроб', 'Зачекайте хвилину та спробуйте ще раз.'],
    failed: ['Не вдалося відкрити розмову', 'Перевірте з’єднання з інтернетом і спробуйте ще раз.'],
    retry: 'Спробувати ще раз',
  },
  vi: {
    title: 'Cuộc trò chuyện của bạn',
    opening: ['Đang mở cuộc trò chuyện của bạn', 'Vui lòng đợi một lát.'],
    missing: [
      'Không có cuộc trò chuyện nào đang mở ở đây',
      'Vui lòng mở lại liên kết trong e-mail. E-mail mới nhất có liên kết mới nhất.',
    ],
    ended: [
      'Liên kết này không còn hiệu lực',
      'Liên kết có hiệu lực trong 7 ngày. Vui lòng mở liên kết trong e-mail mới nhất hoặc viết cho chúng tôi trong khung trò chuyện trên trang web.',
    ],
    limited: ['Quá nhiều lần thử', 'Vui lòng đợi một phút rồi thử lại.'],
    failed: ['Không thể mở cuộc trò chuyện', 'Vui lòng kiểm tra kết nối internet rồi thử lại.'],
    retry: 'Thử lại',
  },
  zh: {
    title: '您的对话',
    opening: ['正在打开您的对话', '请稍候。'],
    missing: ['这里没有打开的对话', '请重新打开邮件中的链接。最新的邮件包含最新的链接。'],
    ended: [
      '此链接已失效',
      '链接有效期为 7 天。请打开最新邮件中的链接，或在我们网站的聊天中联系我们。',
    ],
    limited: ['尝试次数过多', '请等待一分钟后重试。'],
    failed: ['无法打开对话', '请检查您的网络连接，然后重试。'],
    retry: '重试',
  },
};

export function chatTexts(language: string): ChatTexts {
  return TEXTS[language] ?? en;
}
