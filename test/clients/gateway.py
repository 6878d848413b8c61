"""What programs do with the clients of OpenAI, Anthropic, Cohere, LangChain and LiteLLM: chats, streams, tools, documents, embeddings, reranking, errors."""

import json
import os

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # its prices come from a network otherwise

import anthropic
import cohere
import openai
import pydantic
import requests

from checks import check, finish, server

target = server()
openai_client = openai.OpenAI(base_url=f"{target.url}/v1", api_key="none", max_retries=1)
anthropic_client = anthropic.Anthropic(base_url=target.url, api_key="none", max_retries=1)
models = ["openai-upstream/m", "anthropic-upstream/claude-sonnet-4-5"]
question = [{"role": "user", "content": "hello there"}]
schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
openai_tools = [{"type": "function", "function": {"name": "weather", "parameters": schema}}]
anthropic_tools = [{"name": "weather", "input_schema": schema}]


class Person(pydantic.BaseModel):
    name: str
    age: int


for model in models:
    with check(f"OpenAI's client chats and streams with {model}"):
        whole = openai_client.chat.completions.create(model=model, messages=question)
        assert (whole.choices[0].message.content, whole.usage.completion_tokens) == ("You said: hello there", 7), whole
        chunks = list(openai_client.chat.completions.create(model=model, messages=question, stream=True, stream_options={"include_usage": True}))
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "You said: hello there", chunks
        assert chunks[-1].usage.completion_tokens == 7, chunks[-1]

    with check(f"OpenAI's client calls tools of {model} and gives their results"):
        asked = openai_client.chat.completions.create(model=model, messages=question, tools=openai_tools).choices[0]
        call = asked.message.tool_calls[0]
        assert asked.finish_reason == "tool_calls" and json.loads(call.function.arguments) == {"city": "Paris"}, asked
        result = {"role": "tool", "tool_call_id": call.id, "content": "sunny"}
        answered = openai_client.chat.completions.create(model=model, messages=[*question, asked.message, result], tools=openai_tools)
        assert answered.choices[0].message.content == "The tool says sunny.", answered

    with check(f"OpenAI's client parses documents of {model}"):
        parsed = openai_client.chat.completions.parse(model=model, messages=question, response_format=Person).choices[0].message.parsed
        assert parsed == Person(name="Ann", age=41), parsed

    with check(f"Anthropic's client chats and streams with {model}"):
        message = anthropic_client.messages.create(model=model, max_tokens=100, messages=question)
        assert (message.content[0].text, message.stop_reason, message.usage.output_tokens) == ("You said: hello there", "end_turn", 7), message
        with anthropic_client.messages.stream(model=model, max_tokens=100, messages=question) as stream:
            assert "".join(stream.text_stream) == "You said: hello there"
            assert stream.get_final_message().usage.output_tokens == 7

    with check(f"Anthropic's client calls tools of {model} and gives their results"):
        message = anthropic_client.messages.create(model=model, max_tokens=100, messages=question, tools=anthropic_tools)
        call = next(block for block in message.content if block.type == "tool_use")
        assert call.input == {"city": "Paris"}, message
        result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}]}
        said = [*question, {"role": "assistant", "content": message.content}, result]
        answered = anthropic_client.messages.create(model=model, max_tokens=100, messages=said, tools=anthropic_tools)
        assert answered.content[0].text == "The tool says sunny.", answered

    with check(f"Anthropic's client parses documents of {model}, whole and streamed"):
        parsed = anthropic_client.messages.parse(model=model, max_tokens=100, messages=question, output_format=Person)
        assert (parsed.parsed_output, parsed.usage.output_tokens) == (Person(name="Ann", age=41), 7), parsed
        with anthropic_client.messages.stream(model=model, max_tokens=100, messages=question, output_format=Person) as stream:
            assert "".join(stream.text_stream) == '{"name":"Ann","age":41}'
            assert stream.get_final_message().parsed_output == Person(name="Ann", age=41)

    with check(f"LangChain chats with {model} and parses its documents"):
        from langchain_openai import ChatOpenAI

        chat = ChatOpenAI(model=model, base_url=f"{target.url}/v1", api_key="none", max_retries=1)
        assert chat.invoke("hello there").content == "You said: hello there"
        assert "".join(chunk.content for chunk in chat.stream("hello there")) == "You said: hello there"
        assert chat.with_structured_output(Person, method="json_schema").invoke("who?") == Person(name="Ann", age=41)

    with check(f"LangChain calls tools of {model} and gives their results"):
        from langchain_core.messages import HumanMessage, ToolMessage

        bound = chat.bind_tools(openai_tools)
        asked = bound.invoke("hello there")
        assert [(call["name"], call["args"]) for call in asked.tool_calls] == [("weather", {"city": "Paris"})], asked
        result = ToolMessage("sunny", tool_call_id=asked.tool_calls[0]["id"])
        assert bound.invoke([HumanMessage("hello there"), asked, result]).content == "The tool says sunny."
        streamed = None
        for chunk in bound.stream("hello there"):
            streamed = chunk if streamed is None else streamed + chunk
        assert [call["args"] for call in streamed.tool_calls] == [{"city": "Paris"}], streamed
        by_tool = chat.bind_tools([Person], tool_choice="any").invoke("hello there").tool_calls
        assert [call["name"] for call in by_tool] == ["Person"], by_tool

    with check(f"LiteLLM chats with {model} in both protocols"):
        import litellm

        litellm.suppress_debug_info = True  # it prints

        for provider, base in (("openai", f"{target.url}/v1"), ("anthropic", target.url)):
            asked = {"model": f"{provider}/{model}", "api_base": base, "api_key": "none", "max_tokens": 100, "messages": question}
            assert litellm.completion(**asked).choices[0].message.content == "You said: hello there", provider
            assert "".join(chunk.choices[0].delta.content or "" for chunk in litellm.completion(**asked, stream=True)) == "You said: hello there", provider

    with check(f"LiteLLM calls tools of {model}, gives their results and parses documents, in both protocols"):
        for provider, base in (("openai", f"{target.url}/v1"), ("anthropic", target.url)):
            asked = {"model": f"{provider}/{model}", "api_base": base, "api_key": "none", "max_tokens": 100}
            choice = litellm.completion(**asked, messages=question, tools=openai_tools).choices[0]
            call = choice.message.tool_calls[0]
            assert (choice.finish_reason, json.loads(call.function.arguments)) == ("tool_calls", {"city": "Paris"}), choice
            result = {"role": "tool", "tool_call_id": call.id, "content": "sunny"}
            answered = litellm.completion(**asked, messages=[*question, choice.message, result], tools=openai_tools)
            assert answered.choices[0].message.content == "The tool says sunny.", answered
            pieces = [chunk.choices[0].delta.tool_calls or [] for chunk in litellm.completion(**asked, messages=question, tools=openai_tools, stream=True)]
            assert json.loads("".join(part.function.arguments or "" for parts in pieces for part in parts)) == {"city": "Paris"}, pieces
            document = litellm.completion(**asked, messages=question, response_format=Person).choices[0].message.content
            assert Person.model_validate_json(document) == Person(name="Ann", age=41), document
            chunks = list(litellm.completion(**asked, messages=question, response_format=Person, stream=True, stream_options={"include_usage": True}))
            streamed = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
            assert Person.model_validate_json(streamed) == Person(name="Ann", age=41), (provider, chunks)
            assert chunks[-1].usage.completion_tokens == 7, (provider, chunks[-1])

with check("OpenAI's client makes embeddings and lists models"):
    made = openai_client.embeddings.create(model="openai-upstream/m", input=["one", "four"])
    assert [data.embedding for data in made.data] == [[3, 0.5, -1], [4, 0.5, -1]], made
    assert "echo/echo" in [model.id for model in openai_client.models.list()]

with check("LangChain and LiteLLM make embeddings"):
    from langchain_openai import OpenAIEmbeddings

    own = {"model": "openai-upstream/m", "base_url": f"{target.url}/v1", "api_key": "none"}
    # With its check of the length, texts go out as the numbers of their tokens.
    assert OpenAIEmbeddings(**own, check_embedding_ctx_length=False).embed_documents(["one", "four"]) == [[3, 0.5, -1], [4, 0.5, -1]]
    made = litellm.embedding(model="openai/openai-upstream/m", api_base=f"{target.url}/v1", api_key="none", input=["one", "four"])
    assert [data["embedding"] for data in made.data] == [[3, 0.5, -1], [4, 0.5, -1]], made

with check("Azure's clients find a route at their own paths"):
    azure = openai.AzureOpenAI(azure_endpoint=target.url, api_key="none", api_version="2024-10-21", max_retries=1)
    assert azure.chat.completions.create(model="plain", messages=question).choices[0].message.content == "You said: hello there"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in azure.chat.completions.create(model="plain", messages=question, stream=True) if chunk.choices) == "You said: hello there"
    assert [data.embedding for data in azure.embeddings.create(model="plain", input=["one"]).data] == [[3, 0.5, -1]]
    asked = litellm.completion(model="azure/plain", api_base=target.url, api_key="none", api_version="2024-10-21", messages=question)
    assert asked.choices[0].message.content == "You said: hello there", asked

documents = {"query": "one two", "documents": ["three", "one two"], "top_n": 1}
cohere_clients = [kind(base_url=target.url, api_key="none") for kind in (cohere.ClientV2, cohere.Client)]

with check("both of Cohere's clients rerank, with what their provider counted, and LiteLLM does as one of Cohere and of Jina"):
    for client in cohere_clients:
        own = client.rerank(model="echo/echo", **documents)
        assert [result.index for result in own.results] == [1], own
        billed = client.rerank(model="cohere-upstream/rerank-v4", **documents)
        assert ([(result.index, result.relevance_score) for result in billed.results], billed.meta.billed_units.search_units, billed.id != "") == ([(1, 0.75)], 2, True), billed
    for provider in ("cohere", "jina_ai"):
        ranked = litellm.rerank(model=f"{provider}/echo/echo", api_base=target.url, api_key="none", **documents)
        assert [result["index"] for result in ranked.results] == [1], ranked

with check("Anthropic's client counts tokens and lists models"):
    assert anthropic_client.messages.count_tokens(model=models[1], messages=question).input_tokens > 0
    assert "echo/echo" in [model.id for model in anthropic_client.models.list()]


def raised(kind, call):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was not raised")


with check("the clients raise their own errors"):
    def failing(status):
        return [{"role": "user", "content": f"fail {status}"}]

    assert "Failed with 400" in str(raised(openai.BadRequestError, lambda: openai_client.chat.completions.create(model="fails", messages=failing(400))))
    raised(openai.RateLimitError, lambda: openai_client.chat.completions.create(model="fails", messages=failing(429)))
    raised(openai.NotFoundError, lambda: openai_client.chat.completions.create(model="nothing", messages=question))
    raised(anthropic.BadRequestError, lambda: anthropic_client.messages.create(model="fails", max_tokens=5, messages=failing(400)))
    raised(anthropic.NotFoundError, lambda: anthropic_client.messages.create(model="nothing", max_tokens=5, messages=question))
    for client in cohere_clients:
        missing = raised(cohere.NotFoundError, lambda client=client: client.rerank(model="nothing", **documents))
        assert 'no model or route named "nothing"' in missing.body["message"] and missing.body["id"] == missing.headers["x-request-id"], missing
        assert "top_n" in raised(cohere.BadRequestError, lambda client=client: client.rerank(model="echo/echo", **{**documents, "top_n": 0})).body["message"]

with check("what reads Jina's answers finds why there are no results"):
    # As LangChain, LlamaIndex and Haystack do: none of them looks at the status.
    answer = requests.post(f"{target.url}/v1/rerank", json={"model": "nothing", **documents}, timeout=60).json()
    assert "results" not in answer and 'no model or route named "nothing"' in answer["detail"], answer

finish()
