// A bare socket before a function of a project: a length of four bytes, little-endian, and JSON.
// Use: echo.cjs PROJECT FUNCTION ADDRESS, where an address is a port or the path of a socket.
const net = require('node:net')
const path = require('node:path')

const [project, name, address] = process.argv.slice(2)
const call = require(path.resolve(project, 'main.js'))[name]

const server = net.createServer({ noDelay: true }, (socket) => {
  let held = Buffer.alloc(0)
  socket.on('data', async (part) => {
    held = held.length ? Buffer.concat([held, part]) : part
    while (held.length >= 4 && held.length >= 4 + held.readUInt32LE(0)) {
      const end = 4 + held.readUInt32LE(0)
      const asked = JSON.parse(held.subarray(4, end))
      held = held.subarray(end)
      const body = Buffer.from(JSON.stringify(await call(asked)))
      const head = Buffer.alloc(4)
      head.writeUInt32LE(body.length)
      socket.write(Buffer.concat([head, body]))
    }
  })
  socket.on('error', () => socket.destroy())
})
if (/^\d+$/.test(address)) server.listen(Number(address), '127.0.0.1')
else server.listen(address)
