// Posts a message through the web front end, found by its Service's name: node post.mjs TEXT
const response = await fetch('http://web/messages', { method: 'POST', body: process.argv.slice(2).join(' ') });
console.log((await response.text()).trim());
