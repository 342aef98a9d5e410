// Makes the pictures of the README: `node screenshot.js FOLDER`. See `screenshot`.

import { ChatPage } from './widget/chat.js';
import { launch, newVisitor } from './widget/browser.js';

const [folder] = process.argv.slice(2);
const { PARLOR_URL: url, INBOX_LINK: link } = process.env;

/** Pixels of the pictures per CSS pixel. */
const SCALE = 1.5;

const browser = await launch();
try {
  const agent = await openInbox();
  const chat = await openChat();
  await chat.send('How do I wash merino wool?');
  await chat.waitForEnd();
  await chat.send('Can I talk to a person, please?');
  await chat.questions.nth(1).waitFor();
  await chat.waitForEnd();

  const inbox = agent.getByRole('main');
  await inbox.getByText('Waiting', { exact: true }).last().waitFor();
  await inbox.getByText('How do I wash merino wool?').first().click();
  await inbox.getByPlaceholder('Write a reply').fill('Hi, I am Mara. What is it about?');
  await inbox.getByRole('button', { name: 'Send' }).click();
  await chat.waitForText('I am Mara');
  await inbox.getByText('You are answering').waitFor();

  await agent.screenshot({ path: `${folder}/inbox.png` });
  await chat.page.screenshot({ path: `${folder}/chat.png` });
} finally {
  await browser.close();
}

/** The inbox of the demo, signed in. */
async function openInbox() {
  const viewport = { width: 1180, height: 660 };
  const { context } = await newVisitor(browser, { viewport, deviceScaleFactor: SCALE });
  const page = await context.newPage();
  await page.goto(link);
  await page.getByRole('heading', { name: 'Inbox' }).waitFor();
  return page;
}

/** The chat on the shop page of the demo. */
async function openChat() {
  const viewport = { width: 760, height: 660 };
  const { context } = await newVisitor(browser, { viewport, deviceScaleFactor: SCALE });
  return (await ChatPage.visit(context, `${url}/`)).open();
}
