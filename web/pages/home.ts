// Writes the address of this server into the tag that the page shows.

const tag = document.getElementById('tag');
if (tag?.textContent) {
  const address = new URL('widget.js', location.href).href;
  tag.textContent = tag.textContent.replace('/widget.js', address);
}
