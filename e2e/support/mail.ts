// A mail server of its own: takes every mail and keeps it. RFC 5321, as far as one polite client needs it.
import { type Server, type Socket, createServer } from 'node:net'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Mail {
  to: string
  subject: string
  text: string
}

export class MailServer {
  readonly mails: Mail[] = []

  private constructor(
    readonly url: string,
    private readonly server: Server,
  ) {}

  static async start(): Promise<MailServer> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const mails = new MailServer(`smtp://127.0.0.1:${port}?tls=none`, server)
    server.on('connection', (socket) => mails.serve(socket))
    return mails
  }

  private serve(socket: Socket): void {
    const say = (line: string) => socket.write(`${line}\r\n`)
    let [received, to, data] = ['', '', false]
    socket.setEncoding('utf8')
    socket.on('error', () => socket.destroy())
    say('220 mail.test')
    socket.on('data', (chunk: string) => {
      received += chunk
      for (;;) {
        const end = data ? '\r\n.\r\n' : '\r\n'
        const at = received.indexOf(end)
        if (at < 0) return
        const said = received.slice(0, at)
        received = received.slice(at + end.length)
        if (data) {
          this.mails.push(parse(to, said))
          data = false
          say('250 taken')
        } else if (/^RCPT TO:/i.test(said)) {
          to = /<([^>]*)>/.exec(said)?.[1] ?? ''
          say('250 ok')
        } else if (/^DATA/i.test(said)) {
          data = true
          say('354 go on')
        } else if (/^QUIT/i.test(said)) {
          say('221 bye')
          socket.end()
        } else {
          say('250 ok')
        }
      }
    })
  }

  /** The newest mail to somebody with such a subject; waits for it. */
  async to(address: string, subject: string): Promise<Mail> {
    for (const end = Date.now() + 20_000; Date.now() < end; await sleep(100)) {
      const found = this.mails.findLast((mail) => mail.to === address && mail.subject === subject)
      if (found) return found
    }
    throw new Error(`no mail "${subject}" to ${address}; there are: ${JSON.stringify(this.mails)}`)
  }

  /** The link in such a mail. */
  async link(address: string, subject: string): Promise<string> {
    const { text } = await this.to(address, subject)
    const found = /^http\S+\/(?:invitation|reset|sign-up|not-me)\/\S+$/m.exec(text)
    if (!found) throw new Error(`no link in: ${text}`)
    return found[0]
  }

  async stop(): Promise<void> {
    this.server.close()
    await once(this.server, 'close')
  }
}

function parse(to: string, message: string): Mail {
  const [head = '', ...rest] = message.split('\r\n\r\n')
  const header = (name: string) => new RegExp(`^${name}: (.*(?:\\r\\n[ \\t].*)*)`, 'im').exec(head)?.[1]?.replace(/\r\n[ \t]/g, ' ') ?? ''
  let text = rest.join('\r\n\r\n').replace(/^\.\./gm, '.').replaceAll('\r\n', '\n')
  if (/quoted-printable/i.test(header('Content-Transfer-Encoding'))) {
    text = text.replace(/=\n/g, '').replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
  }
  return { to, subject: header('Subject'), text }
}
