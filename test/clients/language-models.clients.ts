// Together, for their scripts import the clients of OpenAI, LangChain and LiteLLM, which takes longer than what they do. Each runs alone too.
import "./documents.checks.ts";
import "./gateway.checks.ts";
import "./langsmith.checks.ts";
import "./traced-calls.checks.ts";
