// The collections of benches/peers/rows.sql. Everyone may read them.

const text = (name) => ({ name, type: "text", max: 1000000 });
const number = (name) => ({ name, type: "number" });

migrate((app) => {
  const message = new Collection({
    type: "base",
    name: "message",
    listRule: "",
    viewRule: "",
    fields: [
      ...["uuid", "chat_uuid", "role", "text", "status", "error", "feedback"].map(text),
      ...["metadata", "agent_name", "agent_image"].map(text),
      ...["page_url", "page_title", "text_selection"].map(text),
      ...["created_at", "feedback_at"].map(number),
    ],
  });
  app.save(message);
  const conversation = new Collection({
    type: "base",
    name: "conversation",
    listRule: "",
    viewRule: "",
    fields: [
      ...["uuid", "status", "close_reason", "agent_name", "agent_image", "title"].map(text),
      ...["created_at", "updated_at", "closed_at", "last_interaction_at"].map(number),
      { name: "is_human_handled", type: "bool" },
      { name: "last_message", type: "relation", collectionId: message.id, maxSelect: 1 },
    ],
    indexes: [
      "CREATE INDEX conversation_by_interaction ON conversation (status, last_interaction_at, id)",
    ],
  });
  app.save(conversation);
});
