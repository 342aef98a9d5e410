// Starts Swagger UI. The page is at …/v2 or …/v2/ and this script at …/v2/reference/:
// URLs relative to the script work behind a proxy too.

const script = document.currentScript.src;
const openapi = new URL('../openapi', script).href;
const server = new URL('../../v2', script).href;

// Requests go to the server that sent the page, also where --public-url names another.
function setServer(response) {
  if (response.url === openapi && response.ok) {
    const document = JSON.parse(response.text);
    response.text = JSON.stringify({ ...document, servers: [{ url: server }] });
  }
  return response;
}

function setColorScheme({ matches }) {
  document.documentElement.classList.toggle('dark-mode', matches);
}

const dark = matchMedia('(prefers-color-scheme: dark)');
dark.addEventListener('change', setColorScheme);
setColorScheme(dark);

SwaggerUIBundle({
  dom_id: '#reference',
  url: openapi,
  responseInterceptor: setServer,
  // The service that validates the document. Some layouts of Swagger UI call it.
  validatorUrl: 'none',
  // Keys stay in the memory of the page.
  persistAuthorization: false,
  deepLinking: true,
  displayRequestDuration: true,
  filter: true,
  tryItOutEnabled: true,
  defaultModelsExpandDepth: 0,
});
