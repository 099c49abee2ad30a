import { type Telling, writeMessage } from './message.js'

/** Slack refuses longer texts in a section. */
const TEXT_LENGTH_MAX = 2900

/**
 * The blocks of a Slack message. Everything somebody else could choose is in `plain_text` and `rich_text` elements, which
 * know no markup, links or mentions. The button is a link to the signed-in page: a click in the chat answers nothing.
 */
export function slackPayload(telling: Telling): object {
  const { subject, facts, excerpt, cut } = writeMessage(telling)
  const plain = (text: string): object => ({ type: 'plain_text', text: clip(text), emoji: false })
  const statement = [...excerpt, ...(cut === undefined ? [] : [`… ${cut}`])].join('\n')
  return {
    // For notifications and screen readers; Slack reads markup here, so its three characters are escaped.
    text: escapeMarkup(clip(subject)),
    unfurl_links: false,
    unfurl_media: false,
    blocks: [
      { type: 'section', text: plain(subject) },
      { type: 'section', text: plain(facts.join('\n')) },
      ...(statement === ''
        ? []
        : [
            {
              type: 'rich_text',
              elements: [
                {
                  type: 'rich_text_preformatted',
                  elements: [{ type: 'text', text: clip(statement) }],
                },
              ],
            },
          ]),
      {
        type: 'actions',
        elements: [
          {
            type: 'button',
            text: plain(telling.event === 'ended' ? 'Read' : 'Read and answer'),
            url: telling.url,
          },
        ],
      },
    ],
  }
}

/** Slack, "Formatting text for app surfaces": `&`, `<` and `>` are all that has to be escaped; `@` and `#` mean nothing then. */
function escapeMarkup(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

function clip(text: string): string {
  return text.length <= TEXT_LENGTH_MAX ? text : `${text.slice(0, TEXT_LENGTH_MAX)} …`
}
